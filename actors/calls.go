package actors

import (
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// call handles one call: it answers, or keeps the call to answer it later.
func (s *session) call(c *Call) {
	if s.closing != nil {
		s.callWhileClosing(c)
		return
	}
	switch r := c.Request.(type) {
	case *Execute:
		s.execute(c, r)
	case *GetInfo:
		s.answer(c, s.handle.Info(), nil)
	case *Extend:
		s.extend(r)
		s.answer(c, s.handle.Info(), nil)
	case *Attach:
		s.touch()
		s.attach(r.Sink)
		s.answer(c, s.handle.Info(), nil)
	case *Detach:
		s.detach(r.Sink)
		s.answer(c, nil, nil)
	case *Disconnected:
		s.disconnected(r.Sink)
		s.answer(c, nil, nil)
	case *Close:
		s.end(EndedByClient)
		s.hand.call = nil
		s.closing.calls = append(s.closing.calls, c)
	case *ListExecutions:
		s.answer(c, s.executions.list(), nil)
	case *ListContexts:
		s.answer(c, s.contexts.list(), nil)
	case *EndContext:
		s.touch()
		s.answer(c, nil, s.contexts.end(r.Context, r.Remove))
	default:
		s.callExecution(c)
	}
}

// callWhileClosing lets closing be called again, and nothing else.
func (s *session) callWhileClosing(c *Call) {
	switch r := c.Request.(type) {
	case *Close:
		if s.ended { // while the actor stops it still gets calls
			s.answer(c, nil, nil)
			return
		}
		s.hand.call = nil
		s.closing.calls = append(s.closing.calls, c)
	case *Detach:
		s.detach(r.Sink)
		s.answer(c, nil, nil)
	case *Disconnected:
		s.detach(r.Sink)
		s.answer(c, nil, nil)
	default:
		s.answer(c, nil, ErrSessionClosed)
	}
}

// callExecution handles the calls about one execution.
func (s *session) callExecution(c *Call) {
	var result any
	var err error
	switch r := c.Request.(type) {
	case *OpenExecution:
		s.touch()
		result, err = with(s, r.Execution, func(e *execution) (any, error) { return &e.log, nil })
	case *WaitExecution:
		s.wait(c, r)
		return
	case *Input:
		result, err = with(s, r.Execution, func(e *execution) (any, error) { return s.input(e, r) })
	case *SendSignal:
		result, err = with(s, r.Execution, func(e *execution) (any, error) { return s.signal(e, r.Signal) })
	case *Resize:
		result, err = with(s, r.Execution, func(e *execution) (any, error) { return nil, e.resize(r.Size) })
	default:
		err = ErrInternal
	}
	s.answer(c, result, err)
}

// with does something with an execution that is kept.
func with(s *session, id string, do func(*execution) (any, error)) (any, error) {
	e := s.executions.find(id)
	if e == nil {
		return nil, ErrExecutionNotFound
	}
	return do(e)
}

func (s *session) extend(r *Extend) {
	s.touch()
	s.change(func(info *Info) {
		if r.IdleTimeout != 0 {
			info.IdleTimeout = r.IdleTimeout
		}
		if r.MaxLifetime != 0 {
			info.MaxLifetime = r.MaxLifetime
		}
	})
	s.clock.warned = expiry{}
	s.arm()
}

func (s *session) detach(sink EventSink) {
	if at := slices.Index(s.sinks, sink); at >= 0 {
		s.sinks = slices.Delete(s.sinks, at, at+1)
		if s.killOnDisconnect && len(s.sinks) == 0 && s.closing == nil {
			s.alone = time.Now()
			s.arm()
		}
	}
}

// disconnected ends what was to live only as long as the connection.
func (s *session) disconnected(sink EventSink) {
	s.detach(sink)
	for _, e := range s.executions.unfinished() {
		if e.request.KillOnDisconnect && e.request.Sink == sink {
			s.cancelExecution(e)
		}
	}
}

func (s *session) wait(c *Call, r *WaitExecution) {
	e := s.executions.find(r.Execution)
	switch {
	case e == nil:
		s.answer(c, nil, ErrExecutionNotFound)
	case e.state == output.Completed:
		s.answer(c, &Waited{output.Completed, &e.outcome}, nil)
	default:
		s.hand.call = nil
		w := waiter{call: c}
		if r.Timeout > 0 {
			w.deadline = time.Now().Add(r.Timeout)
			s.armFor(w.deadline)
		}
		e.waiters = append(e.waiters, w)
	}
}

func (s *session) input(e *execution, r *Input) (any, error) {
	s.touch()
	if e.state == output.Completed {
		return nil, errEndedInput
	}
	return e.task.input(r)
}

func (s *session) signal(e *execution, sig runtimes.Signal) (any, error) {
	switch e.state {
	case output.Completed:
		return &Delivered{false}, nil
	case output.Queued:
		s.cancelExecution(e)
		return &Delivered{true}, nil
	}
	return &Delivered{e.task.signal(sig)}, nil
}

func (e *execution) resize(size runtimes.TerminalSize) error {
	if e.state == output.Completed {
		return errEndedTerminal
	}
	return e.task.resize(size)
}
