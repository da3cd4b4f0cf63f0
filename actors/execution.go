package actors

import (
	"context"
	"errors"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// execution is one command of a session, from its arrival until it is no
// longer kept. Only the session's actor touches it, except where a field says
// otherwise. Messages about it are its own pointer under another type, so that
// they cost no allocation.
type execution struct {
	session *session
	id      string
	request Execute
	task    task       // what it does; the execution is a part of it
	name    string     // of a program
	call    *Call      // not answered yet
	log     output.Log // safe by itself

	arrived  time.Time
	started  time.Time // zero until its turn has come
	deadline time.Time // zero without a time limit
	state    output.State

	// Set before task.run, which reads them.
	ctx         context.Context
	environment runtimes.Environment

	// How it ended: set by the task before the message finished, read after it.
	err  error
	exit runtimes.Exit // of a program

	waiters []waiter
	outcome Outcome
}

// task is what an execution does: a program, a cell of a kernel or a file command.
// All that reaches a running execution reaches it
// here, and may come before it runs.
type task interface {
	// prepare is called when its turn has come.
	prepare()
	// run carries it out, or sets it going. It is called outside the actor, the
	// other methods by the actor. The end is told by the message finished.
	run()
	// running follows the message of that name.
	running()
	// input feeds it. Errors: *ArgumentError.
	input(r *Input) (*Accepted, error)
	// signal reports whether the signal reaches anything.
	signal(sig runtimes.Signal) bool
	// resize sets the size of its terminal. Errors: *ArgumentError.
	resize(size runtimes.TerminalSize) error
	// stop ends it, now or as soon as it can be.
	stop(reason runtimes.Status)
	// conclude fills in what came of it, and lets go of what the client sent.
	conclude(o *Outcome)
}

// waiter is a WaitExecution that has not been answered.
type waiter struct {
	call     *Call
	deadline time.Time // zero waits for ever
}

// Messages from outside the actor, see execution.
type (
	running   execution // the task wants to do what came too early, or is in the background
	finished  execution // the command is done
	forgotten execution // its log was released because memory was short
)

func newExecution(s *session, call *Call, r *Execute) *execution {
	var e *execution
	switch command := r.Command.(type) {
	case *runtimes.Command:
		p := &program{command: command}
		e = &p.execution
		e.task, e.name = p, command.Name
	case *Cell:
		c := newCell(command)
		e = &c.execution
		e.task = c
	default:
		f := &fileCommand{command: command}
		e = &f.execution
		e.task = f
	}
	e.session, e.id, e.request, e.call, e.arrived = s, newID(), *r, call, time.Now()
	e.request.Command = nil // the task has it
	r.Release = nil         // the execution has it
	e.log.Init(e.id, output.Options{Capacity: s.system.options.OutputBytes, Memory: s.system.memory, Key: s.handle.owner, Owner: e})
	return e
}

// IgnoreDeadLetterLogging: see quiet.
func (*running) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see quiet.
func (*finished) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see quiet.
func (*forgotten) IgnoreDeadLetterLogging() {}

// Forgotten is output.Owner's.
func (e *execution) Forgotten() { e.send((*forgotten)(e)) }

// do is the execution as a job.
func (e *execution) do() { e.task.run() }

func (e *execution) send(m any) { e.session.system.root.Send(e.session.self, m) }

// conclude makes the outcome of a command that is done.
func (e *execution) conclude(now time.Time) {
	e.state = output.Completed
	o := &e.outcome
	o.ExecutionID, o.Note = e.id, e.request.Note
	if e.started.IsZero() {
		o.Duration = now.Sub(e.arrived)
	} else {
		o.Duration = now.Sub(e.started)
	}
	if e.err != nil {
		o.Error, o.ErrorCode = e.explain(e.err)
	}
	e.task.conclude(o)
	e.releaseRequest()
	if o.Result != nil {
		e.log.Hold(o.Result.size())
	}
	e.log.Complete(o)
	e.environment = nil
}

// explain is what a client is told of an error, and its code: a text that was made
// for clients, as that of a FileError. Any other may name what is the server's, and
// goes to the log.
func (e *execution) explain(err error) (text, code string) {
	var file *runtimes.FileError
	switch {
	case errors.As(err, &file):
		return file.Error(), string(file.Code)
	case errors.Is(err, context.Canceled), e.session.closing != nil:
		return describe(&runtimes.Exit{Status: runtimes.Cancelled}, 0), runtimes.Cancelled.String()
	case errors.Is(err, runtimes.ErrEnvironmentLost):
		return runtimes.ErrEnvironmentLost.Error(), runtimes.EnvironmentLost.String()
	}
	e.session.system.options.Logger.Error("command not carried out",
		"session", e.session.handle.id, "execution", e.id, "type", e.request.Type, "error", err)
	return "the command could not be carried out: the server's log has the error", ""
}

// releaseRequest tells that what the client sent is not needed any more.
func (e *execution) releaseRequest() {
	if release := e.request.Release; release != nil {
		e.request.Release = nil
		release()
	}
}

// info describes the execution for a list.
func (e *execution) info() ExecutionInfo {
	snapshot := e.log.Snapshot()
	return ExecutionInfo{
		ID: e.id, State: e.state, Type: e.request.Type, CommandName: e.name, StartedAt: e.started,
		Background: e.request.Background, FirstSeq: snapshot.FirstSeq, NextSeq: snapshot.NextSeq,
	}
}
