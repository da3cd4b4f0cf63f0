package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// killTimeout bounds the farewell to a program whose context has ended.
const killTimeout = 5 * time.Second

// Result is how a program ended and all that it wrote.
type Result struct {
	*protocol.ExecuteResult

	// Stdout and Stderr are whole, where those of the protocol's result may have
	// a gap. With a terminal all is in Stdout.
	Stdout, Stderr []byte
}

// Process is the protocol's result of a program: exit code, signal, status,
// usage. It is never nil.
func (r *Result) Process() *protocol.ProcessResult {
	switch p := r.Result.(type) {
	case *protocol.ProcessResult:
		return p
	case *protocol.CodeResult:
		return &p.ProcessResult
	}
	return &protocol.ProcessResult{Status: r.ErrorCode}
}

// Run runs a program to its end and returns how it ended, and all it wrote,
// whatever its size. Without Stdin it reads end-of-file. When ctx ends first,
// the program is killed. A program that fails is a result, with Success false.
// Errors: as Start and Wait; a *GapError when output was lost, with the result.
func (c *Client) Run(ctx context.Context, session string, command any) (*Result, error) {
	e, err := c.Start(ctx, Execute{SessionID: session, Command: withoutInput(command)})
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { c.spawn(func() { e.kill(ctx) }) })()
	r := &Result{}
	var out, complaints bytes.Buffer
	var missing error
	for o, err := range e.Output() {
		var gap *GapError
		switch {
		case errors.As(err, &gap):
			missing = errors.Join(missing, err)
		case o.Stream == Stderr:
			complaints.Write(o.Data)
		default:
			out.Write(o.Data)
		}
	}
	r.ExecuteResult, err = e.Wait(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return nil, fmt.Errorf("execution %s: %w", e.ID(), context.Cause(ctx))
	}
	if err != nil {
		return nil, err
	}
	r.Stdout, r.Stderr = out.Bytes(), complaints.Bytes()
	return r, missing
}

// kill ends the program, and gives it up when that cannot be done.
func (e *Execution) kill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTimeout)
	defer cancel()
	if _, err := e.Signal(ctx, "SIGKILL"); err == nil {
		select {
		case <-e.done:
		case <-ctx.Done():
		}
	}
	e.Detach()
}

// withoutInput closes the input of a program that was given none: with stream
// it would stay open.
func withoutInput(command any) any {
	shell, ok := command.(*protocol.ExecuteShell)
	if !ok || shell == nil || shell.Stdin != nil || shell.PTY != nil {
		return command
	}
	closed, empty := *shell, ""
	closed.Stdin = &empty
	return &closed
}
