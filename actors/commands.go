package actors

import (
	"context"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// execute takes up a command: it runs at once or waits for its turn.
func (s *session) execute(c *Call, r *Execute) {
	if err := s.admit(r); err != nil {
		s.answer(c, nil, err)
		return
	}
	s.touch()
	s.hand.call = nil
	if cell, ok := r.Command.(*Cell); ok {
		s.contextOf(cell)
	}
	e := newExecution(s, c, r)
	s.handle.executionCount.Add(1)
	s.executions.add(e)
	if follower, ok := c.Caller.(Follower); ok && r.Stream {
		follower.Follow(&e.log)
	}
	s.queue = append(s.queue, e)
	s.system.options.Observer.Queued(1)
	s.next()
}

// maxRunning bounds the executions of one session that run at once.
const maxRunning = 64

// admit checks the limits of the session's queue.
func (s *session) admit(r *Execute) error {
	if limit := s.system.options.QueueLength; len(s.queue) >= limit {
		return &BusyError{Limit: "queue", Maximum: int64(limit), RetryAfter: busyRetry}
	}
	if r.Background && s.active >= maxRunning {
		return &BusyError{Limit: "runningExecutions", Maximum: maxRunning, RetryAfter: busyRetry}
	}
	if cell, ok := r.Command.(*Cell); ok {
		return s.contexts.admit(cell)
	}
	return nil
}

// next starts what may start: background commands at once, the foreground one
// by one, and of the cells of a context one at a time.
func (s *session) next() {
	if s.environment == nil || s.closing != nil {
		return
	}
	occupied := s.foreground != nil
	for i := 0; i < len(s.queue); {
		e := s.queue[i]
		foreground := !e.request.Background
		if foreground && occupied || s.contexts.busy(e) {
			occupied = occupied || foreground
			i++
			continue
		}
		s.queue = slices.Delete(s.queue, i, i+1)
		s.system.options.Observer.Queued(-1)
		if foreground {
			s.foreground, occupied = e, true
		}
		s.startExecution(e)
	}
}

func (s *session) startExecution(e *execution) {
	e.state = output.Running
	e.started = time.Now()
	e.environment = s.environment
	s.active++
	s.system.running.Add(1)
	s.enter(Active, ReasonCommand)
	e.ctx = s.working()
	e.task.prepare()
	s.system.dispatcher.start(e)
}

// running: the program runs.
func (s *session) running(e *execution) {
	if e.state != output.Running {
		return // it has ended already
	}
	e.task.running()
	if e.request.Background && e.call != nil {
		s.reply(e, &Started{e.id, time.Since(e.arrived)})
	}
}

// finished: the command is done.
func (s *session) finished(e *execution) {
	if e.state == output.Completed {
		return
	}
	wasRunning := e.state == output.Running
	if e.exit.Status == runtimes.EnvironmentLost && e.environment == s.environment {
		s.environmentLost() // before the environment's own word: what waits must not start there
	}
	if status := e.exit.Status; s.closing != nil && (status == runtimes.EnvironmentLost || status == runtimes.CouldNotStart) {
		e.exit = runtimes.Exit{Status: runtimes.Cancelled, Usage: e.exit.Usage} // it was ended, not lost
	}
	now := time.Now()
	e.conclude(now)
	s.report(e)
	if e.call != nil && e.request.Background && e.exit.Status != runtimes.CouldNotStart {
		s.reply(e, &Started{e.id, now.Sub(e.arrived)})
	} else if e.call != nil {
		s.reply(e, &e.outcome)
	}
	for _, w := range e.waiters {
		w.call.Caller.Reply(&Waited{output.Completed, &e.outcome}, nil)
	}
	e.waiters = nil
	if s.fresh {
		s.fresh = false
		s.system.root.Send(s.system.pools, &firstAnswer{session: s.info.SessionID})
	}
	s.executions.completed(e, now)
	if wasRunning {
		s.done(e)
	}
}

// done makes room for the next command.
func (s *session) done(e *execution) {
	s.active--
	s.system.running.Add(-1)
	if s.foreground == e {
		s.foreground = nil
	}
	s.touch()
	s.next()
	if s.active == 0 && s.state() == Active {
		s.enter(Idle, ReasonCommand)
		s.armFor(s.wakeAt())
	}
}

// reply answers the call that the execution came with.
func (s *session) reply(e *execution, result any) {
	call := e.call
	e.call = nil
	call.Caller.Reply(result, nil)
}

func (s *session) report(e *execution) {
	status := e.outcome.ErrorCode
	if e.outcome.Success {
		status = runtimes.Completed.String()
	}
	s.system.options.Observer.CommandDone(s.runtime, e.request.Type, status, e.outcome.Duration)
}

// cancelExecution ends an execution: a queued one never runs.
func (s *session) cancelExecution(e *execution) {
	if e.state == output.Running {
		e.task.stop(runtimes.Cancelled)
		return
	}
	if at := slices.Index(s.queue, e); at >= 0 {
		s.queue = slices.Delete(s.queue, at, at+1)
		s.system.options.Observer.Queued(-1)
	}
	e.exit = runtimes.Exit{Status: runtimes.Cancelled}
	e.err = context.Canceled
	s.finished(e)
}

// queue is messages, first in, first out. It has no lock of its own. Protoactor-go's
// queues allocate a node for each message; this one reuses its memory.
type queue struct {
	all  []any // all[head:] wait
	head int
}

// keepMessages is for how many messages an empty queue keeps its memory: more
// is that of a burst.
const keepMessages = 16

func (q *queue) empty() bool { return q.head == len(q.all) }

func (q *queue) len() int { return len(q.all) - q.head }

func (q *queue) push(m any) {
	if q.head > len(q.all)/2 && len(q.all) == cap(q.all) { // move up instead of growing
		n := copy(q.all, q.all[q.head:])
		clear(q.all[n:])
		q.all, q.head = q.all[:n], 0
	}
	q.all = append(q.all, m)
}

// pop returns nil when the queue is empty.
func (q *queue) pop() any {
	if q.empty() {
		return nil
	}
	m := q.all[q.head]
	q.all[q.head] = nil
	q.head++
	if q.empty() {
		q.all, q.head = q.all[:0], 0
		if cap(q.all) > keepMessages {
			q.all = nil
		}
	}
	return m
}
