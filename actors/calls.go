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
		if !slices.Contains(s.sinks, r.Sink) {
			s.sinks = append(s.sinks, r.Sink)
			s.alone = time.Time{}
		}
		s.answer(c, s.handle.Info(), nil)
	case *Detach:
		s.detach(r.Sink)
		s.answer(c, nil, nil)
	case *Disconnected:
		s.disconnected(r.Sink)
		s.answer(c, nil, nil)
	case *Close:
		s.hand.call = nil
		s.end(EndedByClient)
		s.closing.calls = append(s.closing.calls, c)
	case *ListExecutions:
		s.answer(c, s.executions.list(), nil)
	default:
		s.callExecution(c)
	}
}

// callWhileClosing lets closing be called again, and nothing else.
func (s *session) callWhileClosing(c *Call) {
	switch r := c.Request.(type) {
	case *Close:
		if s.over { // while the actor stops it still gets calls
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
	if e.state == output.Completed || e.exited.Load() { // its end may wait in the mailbox
		return nil, &ArgumentError{"executionId", "the execution has ended and takes no input"}
	}
	if e.program == nil || !e.program.OpenStdin && e.program.Terminal == nil {
		return nil, &ArgumentError{"executionId", "the execution takes no input: " + runtimes.ErrInputClosed.Error()}
	}
	if e.process == nil {
		return e.early.feed(r)
	}
	n, err := e.process.Input(r.Data)
	if err != nil {
		return nil, &ArgumentError{"executionId", "the execution takes no input: " + err.Error()}
	}
	if r.EOF && n == len(r.Data) {
		e.process.CloseInput()
	}
	return &Accepted{n}, nil
}

// feed keeps the input of a program that does not run yet, as much as a
// running one would take.
func (y *early) feed(r *Input) (any, error) {
	if y.eof {
		return nil, &ArgumentError{"executionId", "the execution takes no input: " + runtimes.ErrInputClosed.Error()}
	}
	n := min(len(r.Data), runtimes.InputBuffer-len(y.input))
	y.input = append(y.input, r.Data[:n]...)
	y.eof = r.EOF && n == len(r.Data)
	return &Accepted{n}, nil
}

func (s *session) signal(e *execution, sig runtimes.Signal) (any, error) {
	switch {
	case e.state == output.Completed:
		return &Delivered{false}, nil
	case e.state == output.Queued:
		s.cancelExecution(e)
		return &Delivered{true}, nil
	case e.program == nil:
		e.cancel()
		return &Delivered{true}, nil
	case e.process == nil:
		e.early.signals = append(e.early.signals, sig)
		return &Delivered{true}, nil
	}
	delivered, err := e.process.Signal(sig)
	if err != nil {
		return &Delivered{false}, nil // its environment is gone: so is the program
	}
	return &Delivered{delivered}, nil
}

func (e *execution) resize(size runtimes.TerminalSize) error {
	switch {
	case e.state == output.Completed:
		return &ArgumentError{"executionId", "the execution has ended"}
	case e.program == nil || e.program.Terminal == nil:
		return &ArgumentError{"executionId", runtimes.ErrNoTerminal.Error()}
	case e.process == nil:
		e.early.size = &size
		return nil
	}
	if err := e.process.Resize(size); err != nil {
		return &ArgumentError{"executionId", err.Error()}
	}
	return nil
}
