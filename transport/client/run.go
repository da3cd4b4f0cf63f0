package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
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
	// Displays are what code has shown, all of it, in order.
	Displays []protocol.Display
}

// Code is the protocol's result of code: value, exception, kernel. It is nil for a
// program, and for code that was refused.
func (r *Result) Code() *protocol.CodeResult {
	c, _ := r.Result.(*protocol.CodeResult)
	return c
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
		case o.Display != nil:
			r.Displays = append(r.Displays, *o.Display)
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

// Code runs code in the session's default context and returns what it came to, and
// all it wrote and showed. What it defines lives on for the next call. Code that
// throws is a result, with Success false and an Exception in Code().
// Errors: as Run.
func (c *Client) Code(ctx context.Context, session, code string) (*Result, error) {
	return c.Run(ctx, session, &protocol.ExecuteCode{Code: &code})
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

// withoutInput closes the input of a program or code that was given none: with
// stream it would stay open.
func withoutInput(command any) any {
	if code, ok := command.(*protocol.ExecuteCode); ok && code != nil && code.Stdin == nil {
		closed, empty := *code, ""
		closed.Stdin = &empty
		return &closed
	}
	shell, ok := command.(*protocol.ExecuteShell)
	if !ok || shell == nil || shell.Stdin != nil || shell.PTY != nil {
		return command
	}
	closed, empty := *shell, ""
	closed.Stdin = &empty
	return &closed
}

// Start runs a command and returns once it runs, or has been refused, or could
// not start; the last is a result. It waits behind the commands of the session
// that were sent before, except with Background. ctx is for the start only;
// when it ends first, the command may run all the same.
//
// Without Stdin the program's input stays open until CloseInput.
// Errors: *RefusedError; ErrConnectionLost; ErrClosed; ctx's cause.
func (c *Client) Start(ctx context.Context, x Execute) (*Execution, error) {
	x.Stream = true
	params, err := x.params()
	if err != nil {
		return nil, err
	}
	e := c.newExecution(x.SessionID, protocol.CommandOf(x.Command))
	l, err := c.sendExecute(ctx, e, params)
	if err != nil {
		e.cancel()
		return nil, fmt.Errorf("%s: %w", protocol.MethodSessionExecute, c.orEnd(err))
	}
	if !c.spawn(func() { e.keep(l) }) {
		return nil, c.orEnd(ErrClosed)
	}
	select {
	case <-e.begun:
		return e.orRefusal()
	case <-ctx.Done():
		e.Detach()
		return nil, context.Cause(ctx)
	}
}

// orRefusal is e, unless it never was.
func (e *Execution) orRefusal() (*Execution, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended && e.err != nil && e.id == "" {
		return nil, e.err
	}
	return e, nil
}

// sendExecute sends the call over a connection for e.
func (c *Client) sendExecute(ctx context.Context, e *Execution, params *protocol.Execute) (*link, error) {
	b := newBackoff(c.options.Redial)
	for {
		l, err := c.borrow(ctx, b, e)
		if err != nil {
			return nil, err
		}
		id, err := l.begin(&pending{then: e.answer})
		if errors.Is(err, errUnsent) {
			continue
		}
		if err == nil {
			err = l.send(id, protocol.MethodSessionExecute, params)
		}
		if err != nil {
			l.drop(id)
			c.giveBack(l)
			return nil, err
		}
		return l, nil
	}
}

// answer takes the reply to session.execute, on the reading goroutine.
func (e *Execution) answer(m *jsonrpc.Message) {
	var r executeReply
	if err := decodeReply(protocol.MethodSessionExecute, m, into(&r)); err != nil {
		e.finish(nil, err)
		return
	}
	if r.State == "" {
		e.complete(&r)
		return
	}
	e.setID(r.ExecutionID) // in the background
}

// AttachExecution follows an execution that runs, or is kept, from a chunk on:
// fromSeq 0 is its beginning, negative the oldest that is kept.
// Errors: ErrExecutionNotFound, ErrInvalidParams when fromSeq is beyond its
// end, and others of Client.Call.
func (c *Client) AttachExecution(ctx context.Context, session, execution string, fromSeq int64) (*Execution, error) {
	e := c.newExecution(session, nil)
	e.id, e.oldest = execution, fromSeq < 0
	close(e.begun)
	e.out.from(max(fromSeq, 0))
	l, err := e.firstAttach(ctx)
	if err != nil {
		e.cancel()
		return nil, c.orEnd(err)
	}
	if !c.spawn(func() { e.keep(l) }) {
		return nil, c.orEnd(ErrClosed)
	}
	return e, nil
}

func (e *Execution) firstAttach(ctx context.Context) (*link, error) {
	b := newBackoff(e.client.options.Redial)
	for {
		l, err := e.client.borrow(ctx, b, e)
		if err != nil {
			return nil, err
		}
		if err = e.attach(ctx, l); err == nil {
			return l, nil
		}
		e.client.discard(l)
		if !errors.Is(err, errUnsent) && !errors.Is(err, ErrConnectionLost) {
			return nil, err
		}
	}
}

// attach makes a connection that of the execution.
func (e *Execution) attach(ctx context.Context, l *link) error {
	p := &protocol.ExecutionAttach{SessionID: e.session, ExecutionID: e.ID()}
	if due := e.out.nextSeq(); !e.oldest {
		p.FromSeq = &due
	}
	m, err := l.call(ctx, protocol.MethodExecutionAttach, p, e.attached)
	if err != nil {
		return err
	}
	return decodeReply(protocol.MethodExecutionAttach, m, nil)
}

// attached takes the reply to execution.attach, before the output behind it.
func (e *Execution) attached(m *jsonrpc.Message) {
	var s protocol.ExecutionSnapshot
	if decodeReply(protocol.MethodExecutionAttach, m, into(&s)) == nil {
		e.out.attached(&s, e.oldest)
		e.oldest = false
	}
}
