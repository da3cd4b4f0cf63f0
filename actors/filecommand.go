package actors

import (
	"context"
	"fmt"

	"github.com/codebeaker/codebeaker/runtimes"
)

// fileCommand is an execution of a file command.
type fileCommand struct {
	execution
	command any    // see Execute; nil once it has finished
	result  Result // read once it has finished
	cancel  context.CancelFunc
}

// prepare makes the command one that can be stopped.
func (f *fileCommand) prepare() {
	f.ctx, f.cancel = context.WithCancel(f.ctx)
	f.log.Start()
}

// run does it and waits for its end.
func (f *fileCommand) run() {
	if read, ok := f.command.(*runtimes.ReadFile); ok && f.request.Account != nil {
		if f.err = f.request.Account.Hold(f.ctx, read.Length); f.err != nil {
			f.send((*finished)(&f.execution))
			return
		}
		defer f.request.Account.Give(read.Length) // it counts as kept from then on
	}
	f.result, f.err = doFile(f.ctx, f.environment.Workspace(), f.command)
	f.send((*finished)(&f.execution))
}

func (f *fileCommand) running() {}

func (f *fileCommand) input(*Input) (*Accepted, error) {
	return nil, noInput(runtimes.ErrInputClosed)
}

func (f *fileCommand) signal(runtimes.Signal) bool {
	f.cancel()
	return true
}

func (f *fileCommand) resize(runtimes.TerminalSize) error { return noTerminal }

func (f *fileCommand) stop(runtimes.Status) {
	if f.cancel != nil { // else it waits in the queue
		f.cancel()
	}
}

func (f *fileCommand) conclude(o *Outcome) {
	if f.cancel != nil {
		f.cancel()
	}
	f.command = nil
	if f.err == nil {
		o.Success, o.Result = true, f.result
	}
}

// doFile runs a file command on the workspace.
func doFile(ctx context.Context, w runtimes.Workspace, command any) (Result, error) {
	switch c := command.(type) {
	case *runtimes.WriteFile:
		n, err := w.WriteFile(ctx, *c)
		return &FileWritten{n}, err
	case *runtimes.ReadFile:
		content, err := w.ReadFile(ctx, *c)
		return &FileRead{content}, err
	case *runtimes.CreateDirectory:
		return nil, w.CreateDirectory(ctx, *c)
	case *runtimes.CopyFile:
		n, err := w.CopyFile(ctx, *c)
		return &FileCopied{n}, err
	case *runtimes.MoveFile:
		return &FileMoved{}, w.MoveFile(ctx, *c)
	case *runtimes.DeleteFile:
		return nil, w.DeleteFile(ctx, *c)
	case *runtimes.ListDirectory:
		listing, err := w.ListDirectory(ctx, *c)
		return &DirectoryListing{listing}, err
	}
	return nil, fmt.Errorf("%w: no such command: %T", ErrInternal, command)
}
