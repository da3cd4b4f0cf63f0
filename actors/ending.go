package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// end begins to close the session: nothing new is taken up, what waits is
// refused, what runs is stopped, and the environment goes.
func (s *session) end(reason string) {
	if s.closing != nil {
		return
	}
	s.closing = &closing{reason: reason}
	s.system.root.Send(s.system.directory, &ending{id: s.info.SessionID})
	s.enter(Closing, ReasonClosing)
	s.clock.timer.Stop()
	s.stopWorking()
	s.refuseQueue(ErrSessionClosed)
	for _, e := range s.executions.unfinished() {
		e.stop(runtimes.Cancelled)
	}
	s.system.root.Send(s.environmentPID, &remove{})
}

// refuseQueue answers what has not run.
func (s *session) refuseQueue(err error) {
	for _, e := range s.queue {
		e.state = output.Completed
		s.system.options.Observer.Queued(-1)
		s.refuse(e, err)
		s.executions.forget(e)
	}
	s.queue = nil
}

// refuse answers the calls of an execution that has no outcome of its own.
func (s *session) refuse(e *execution, err error) {
	o := &Outcome{ExecutionID: e.id, Error: err.Error(), ErrorCode: runtimes.Cancelled.String()}
	if e.name != "" {
		o.Result = &ProcessResult{Exit: runtimes.Exit{Status: runtimes.Cancelled}}
	}
	e.log.Complete(o)
	if e.call != nil {
		call := e.call
		e.call = nil
		call.Caller.Reply(nil, err)
	}
	for _, w := range e.waiters {
		w.call.Caller.Reply(nil, err)
	}
	e.waiters = nil
}

// removed: nothing of the environment is left, so the session is over.
func (s *session) removed(ctx actor.Context) {
	if s.closing == nil {
		s.end(EndedByEnvironmentLost) // the environment actor failed
	}
	// What ran has been told by its runtime. A file command may still be on its
	// way; nobody waits for it.
	for _, e := range s.executions.unfinished() {
		s.refuse(e, ErrSessionClosed)
	}
	s.handle.state.Store(uint32(Closed))
	s.emit(Event{Kind: SessionEnded, SessionID: s.info.SessionID, Reason: s.closing.reason})
	// The directory hears of it before the caller, whose next create is to
	// find the place free.
	s.finish()
	for _, call := range s.closing.calls {
		call.Caller.Reply(nil, nil)
	}
	s.closing.calls = nil
	if s.info.EnvironmentID != "" {
		s.system.options.Observer.SessionEnded(s.runtime, s.closing.reason)
	}
	ctx.Stop(ctx.Self())
}

// stopping releases everything after a panic; after a regular end there is
// nothing left to release.
func (s *session) stopping() {
	if s.closing == nil {
		s.closing = &closing{reason: EndedByEnvironmentLost}
		s.handle.state.Store(uint32(Closed))
		s.emit(Event{Kind: SessionEnded, SessionID: s.info.SessionID, Reason: s.closing.reason})
		s.system.options.Observer.SessionEnded(s.runtime, s.closing.reason)
	}
	s.clock.timer.Stop()
	s.stopWorking()
	s.refuseQueue(ErrInternal)
	for _, e := range s.executions.unfinished() {
		s.refuse(e, ErrInternal)
	}
	for _, call := range s.closing.calls {
		call.Caller.Reply(nil, ErrInternal)
	}
	s.closing.calls = nil
}

// ends counts the two ends of a session, that of its actor and that of its
// environment, and has it forgotten at the second: in a regular life the
// actor ends last, after a panic first.
type ends struct {
	system  *System
	session string
	count   atomic.Int32
}

// one notes one of the ends.
func (e *ends) one() {
	if e.count.Add(1) == 2 {
		e.system.register.remove(e.session)
		e.system.root.Send(e.system.directory, &freed{id: e.session})
	}
}
