package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// end begins to close the session: nothing new is taken up, what waits is
// refused, what runs is stopped, and the environment goes. When that is gone,
// over ends the rest.
func (s *session) end(reason string) {
	if s.closing != nil {
		return
	}
	s.closing = &closing{reason: reason}
	s.system.root.Send(s.system.directory, &ending{id: s.info.SessionID})
	s.enter(Closing, ReasonClosing)
	s.halt(ErrSessionClosed)
	for _, e := range s.executions.unfinished() {
		e.task.stop(runtimes.Cancelled)
	}
	s.system.root.Send(s.environmentPID, &remove{})
}

// halt ends what the session does of itself. What waits is answered with err.
func (s *session) halt(err error) {
	s.clock.timer.Stop()
	s.stopWorking()
	s.refuseQueue(err)
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

// refuse answers the calls of an execution that has no outcome of its own: with
// err or, without one, with the outcome that it was cancelled.
func (s *session) refuse(e *execution, err error) {
	o := &Outcome{ExecutionID: e.id, Error: describe(&runtimes.Exit{Status: runtimes.Cancelled}, 0), ErrorCode: runtimes.Cancelled.String()}
	if err != nil {
		o.Error = err.Error()
	}
	if e.name != "" {
		o.Result = &ProcessResult{Exit: runtimes.Exit{Status: runtimes.Cancelled}}
	}
	e.log.Complete(o)
	e.releaseRequest()
	answer := func(call *Call, result any) {
		if err != nil {
			result = nil
		}
		call.Caller.Reply(result, err)
	}
	if call := e.call; call != nil {
		e.call = nil
		answer(call, o)
	}
	for _, w := range e.waiters {
		answer(w.call, &Waited{output.Completed, o})
	}
	e.waiters = nil
}

// removed: nothing of the environment is left, so the session is over.
func (s *session) removed(ctx actor.Context) {
	s.end(EndedByEnvironmentLost) // unless it is closing: the environment actor failed
	s.over(nil)
	ctx.Stop(ctx.Self())
}

// over ends the session for everyone, once: after its environment has been
// removed, with nil, and when the actor stops for a panic, with ErrInternal.
// Whoever waits is answered.
func (s *session) over(failure error) {
	if s.ended {
		return
	}
	s.ended = true
	if s.closing == nil {
		s.closing = &closing{reason: EndedByEnvironmentLost}
	}
	err := failure
	if err == nil {
		err = ErrSessionClosed
	}
	s.halt(err)
	// What ran has been told by its runtime, unless the actor fails. The end of a
	// start or of a file command may still be on its way; nobody waits for it.
	for _, e := range s.executions.unfinished() {
		s.refuse(e, failure)
	}
	s.system.running.Add(-int64(s.active)) // of a session that a defect ended
	s.executions.release()
	s.handle.state.Store(uint32(Closed))
	s.emit(Event{Kind: SessionEnded, SessionID: s.info.SessionID, Reason: s.closing.reason})
	// The directory hears of it before the caller, whose next create is to
	// find the place free.
	s.ends.one()
	for _, call := range s.closing.calls {
		call.Caller.Reply(nil, failure)
	}
	s.closing.calls = nil
	if s.info.EnvironmentID != "" {
		s.system.options.Observer.SessionEnded(s.runtime, s.closing.reason)
	}
}

// ends counts the two ends of a session, that of its actor and that of its
// environment, and has it forgotten at the second: in a regular life the
// actor ends last, after a panic first.
type ends struct {
	system  *System
	session *Session
	count   atomic.Int32
}

// one notes one of the ends.
func (e *ends) one() {
	if e.count.Add(1) == 2 {
		e.system.register.remove(e.session)
		e.system.root.Send(e.system.directory, &freed{id: e.session.id})
	}
}
