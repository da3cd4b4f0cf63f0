package actors

import (
	"context"
	"errors"
	"sync/atomic"
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
	program *runtimes.Command // nil for a file command, and once settled
	name    string            // of the program
	call    *Call             // not answered yet
	log     output.Log        // safe by itself

	arrived  time.Time
	started  time.Time // zero until it runs
	deadline time.Time // zero without a time limit
	state    output.State

	environment runtimes.Environment // that it runs in; set before do
	cancel      context.CancelFunc   // of a file command
	ctx         context.Context      // of do
	exited      atomic.Bool          // Exited has been called
	startedAs   runtimes.Process     // set by do, read after running
	process     runtimes.Process     // nil until it runs
	early       early                // what came before the process

	result  any           // of a file command; set by do, read after settled
	err     error         // likewise
	exit    runtimes.Exit // set by Exited, read after settled
	waiters []waiter
	outcome Outcome
	ended   ProcessResult // of a program
}

// waiter is a WaitExecution that has not been answered.
type waiter struct {
	call     *Call
	deadline time.Time // zero waits for ever
}

// early is what is to be done to a process that is being started.
type early struct {
	input   []byte // at most runtimes.InputBuffer
	eof     bool
	signals []runtimes.Signal
	size    *runtimes.TerminalSize
	stop    runtimes.Status // zero does not stop it
}

// Messages from outside the actor, see execution.
type (
	running   execution // the process runs
	settled   execution // the command is done
	forgotten execution // its log was released for want of memory
)

func newExecution(s *session, call *Call, r *Execute) *execution {
	e := &execution{session: s, id: newID(), request: *r, call: call, arrived: time.Now()}
	if program, ok := r.Command.(*runtimes.Command); ok {
		e.program, e.name = program, program.Name
	}
	e.log.Init(e.id, output.Options{Capacity: s.system.options.OutputBytes, Memory: s.system.memory, Owner: e})
	return e
}

// IgnoreDeadLetterLogging: see quiet.
func (*running) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see quiet.
func (*settled) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see quiet.
func (*forgotten) IgnoreDeadLetterLogging() {}

// Forgotten is output.Owner's.
func (e *execution) Forgotten() { e.send((*forgotten)(e)) }

// do carries out the command, outside the actor. It ends with the message
// settled, sent from here or from Exited.
func (e *execution) do() {
	if e.program == nil {
		e.result, e.err = doFile(e.ctx, e.environment.Workspace(), e.request.Command)
		e.send((*settled)(e))
		return
	}
	if e.err = e.leavesWorkspace(); e.err != nil {
		e.send((*settled)(e))
		return
	}
	process, err := e.environment.Start(e.ctx, *e.program, e)
	if err != nil {
		e.exit = exitOf(err)
		e.send((*settled)(e))
		return
	}
	if e.exited.Load() {
		return // too quick to be seen running
	}
	e.startedAs = process
	e.log.Bind(process)
	e.send((*running)(e))
}

// leavesWorkspace looks at the working directory of a program from outside, by
// the rules of file commands: a path that leads out of the workspace, by a
// symlink too, is refused. Whether the directory is there is the agent's word.
func (e *execution) leavesWorkspace() error {
	if e.program.Dir == "" {
		return nil
	}
	// A read opens the directory and says what it is, however much is in it; a
	// listing looks at every name.
	_, err := e.environment.Workspace().ReadFile(e.ctx, runtimes.ReadFile{Path: e.program.Dir, Length: 1})
	if runtimes.FileCodeOf(err) == runtimes.CodePathOutsideWorkspace {
		return err
	}
	return nil
}

// exitOf is the end of a program whose start was not heard of.
func exitOf(err error) runtimes.Exit {
	switch {
	case errors.Is(err, runtimes.ErrEnvironmentLost):
		return runtimes.Exit{Status: runtimes.EnvironmentLost}
	case errors.Is(err, context.Canceled):
		return runtimes.Exit{Status: runtimes.Cancelled}
	}
	return runtimes.Exit{Status: runtimes.CouldNotStart, Message: err.Error()}
}

func (e *execution) send(m any) { e.session.system.root.Send(e.session.self, m) }

// Output is runtimes.Sink's.
func (e *execution) Output(stream runtimes.Stream, p []byte) { e.log.Output(stream, p) }

// InputReady is runtimes.Sink's. Clients learn of room by trying again.
func (e *execution) InputReady() {}

// Exited is runtimes.Sink's.
func (e *execution) Exited(exit runtimes.Exit) {
	e.exit = exit
	e.exited.Store(true)
	e.send((*settled)(e))
}

// begun takes over the process and does what came too early for it.
func (e *execution) begun() {
	e.process, e.startedAs = e.startedAs, nil
	if len(e.early.input) > 0 {
		_, _ = e.process.Input(e.early.input) // an empty buffer takes all of it
	}
	if e.early.eof {
		e.process.CloseInput()
	}
	if e.early.size != nil {
		_ = e.process.Resize(*e.early.size)
	}
	for _, sig := range e.early.signals {
		_, _ = e.process.Signal(sig)
	}
	if e.early.stop != 0 {
		e.process.Stop(e.early.stop)
	}
	e.early = early{}
}

// stop ends a program that runs, now or as soon as it can be.
func (e *execution) stop(reason runtimes.Status) {
	switch {
	case e.program == nil:
		e.cancel()
	case e.process == nil:
		e.early.stop = reason
	default:
		e.process.Stop(reason)
	}
}

// settle makes the outcome of a command that is done.
func (e *execution) settle(now time.Time) {
	e.state = output.Completed
	o := &e.outcome
	o.ExecutionID, o.Note = e.id, e.request.Note
	if e.started.IsZero() {
		o.Duration = now.Sub(e.arrived)
	} else {
		o.Duration = now.Sub(e.started)
	}
	if e.program == nil || runtimes.FileCodeOf(e.err) != "" {
		e.settleFile(o)
	} else {
		e.settleProgram(o)
	}
	e.log.Hold(sizeOf(o.Result))
	e.log.Complete(o)
	// What the client sent is not kept: it may be large, or secret.
	e.process, e.environment, e.program, e.request.Command = nil, nil, nil, nil
}

func (e *execution) settleProgram(o *Outcome) {
	status := e.exit.Status
	o.Success = status == runtimes.Completed
	e.ended = ProcessResult{
		Exit:   e.exit,
		Stdout: e.log.Captured(runtimes.Stdout),
		Stderr: e.log.Captured(runtimes.Stderr),
	}
	if e.program.Terminal != nil {
		e.ended.Stdout = e.log.Captured(runtimes.Terminal)
	}
	e.ended.Stdout.Truncated = e.ended.Stdout.Truncated || e.exit.Cut[runtimes.Stdout-1] || e.exit.Cut[runtimes.Terminal-1]
	e.ended.Stderr.Truncated = e.ended.Stderr.Truncated || e.exit.Cut[runtimes.Stderr-1]
	o.Result = &e.ended
	if !o.Success {
		o.ErrorCode = status.String()
		o.Error = describe(&e.exit, e.request.Timeout)
	}
}

func (e *execution) settleFile(o *Outcome) {
	if e.err == nil {
		o.Success, o.Result = true, e.result
		return
	}
	o.Error = e.err.Error()
	o.ErrorCode = string(runtimes.FileCodeOf(e.err))
}

// sizeOf is about how many bytes the result of a file command holds.
func sizeOf(result any) int {
	switch r := result.(type) {
	case *runtimes.FileContent:
		return cap(r.Content)
	case *runtimes.Listing:
		return len(r.Entries) * entryCost
	}
	return 0
}

// entryCost is about what an entry of a listing takes, in bytes.
const entryCost = 256

// info describes the execution for a list.
func (e *execution) info() ExecutionInfo {
	snapshot := e.log.Snapshot()
	return ExecutionInfo{
		ID: e.id, State: e.state, Type: e.request.Type, CommandName: e.name, StartedAt: e.started,
		Background: e.request.Background, FirstSeq: snapshot.FirstSeq, NextSeq: snapshot.NextSeq,
	}
}
