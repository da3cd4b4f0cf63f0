package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Execution is a program that runs in a session, seen from here. Its output
// comes over a connection of its own, so that a slow reader holds back this
// program and nothing else. Its methods are safe for concurrent use.
type Execution struct {
	client  *Client
	session string
	kind    *protocol.CommandKind // nil: unknown
	oldest  bool                  // attach where the kept output begins
	out     *queue
	ctx     context.Context // ends with done, Detach and the client
	cancel  context.CancelFunc
	begun   chan struct{} // closed when id is known, or done
	done    chan struct{} // closed when result or err is known

	mu     sync.Mutex
	id     string
	result *protocol.ExecuteResult
	err    error
	ended  bool
}

func (c *Client) newExecution(session string, kind *protocol.CommandKind) *Execution {
	e := &Execution{
		client: c, session: session, kind: kind, out: newQueue(c.options.OutputBytes),
		begun: make(chan struct{}), done: make(chan struct{}),
	}
	e.ctx, e.cancel = context.WithCancel(c.ctx)
	return e
}

// ID is the id of the execution.
func (e *Execution) ID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.id
}

// Session is the id of its session.
func (e *Execution) Session() string { return e.session }

// Done is closed when the program has ended, or is out of reach; Wait says
// which.
func (e *Execution) Done() <-chan struct{} { return e.done }

// Wait waits for the end of the program and returns its result. Until somebody
// calls Output, the oldest output makes room for the newest while Wait waits,
// and a later Output begins with a *GapError.
// Errors: ErrExecutionNotFound, ErrSessionNotFound and others when the program
// is out of reach; ErrDetached; ErrClosed; ctx's cause, and the program runs on.
func (e *Execution) Wait(ctx context.Context) (*protocol.ExecuteResult, error) {
	e.out.wait(1)
	defer e.out.wait(-1)
	select {
	case <-e.done:
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.result, e.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Signal sends the program a signal by name, as SIGINT, and reports whether it
// was still there. SIGKILL ends its whole tree.
// Errors: as Client.Call; ErrInvalidParams for a name that does not exist.
func (e *Execution) Signal(ctx context.Context, name string) (bool, error) {
	return e.client.Signal(ctx, e.session, e.ID(), name)
}

// Resize changes the size of its terminal.
// Errors: as Client.Call; ErrInvalidParams without a terminal.
func (e *Execution) Resize(ctx context.Context, cols, rows int) error {
	return e.client.Resize(ctx, e.session, e.ID(), cols, rows)
}

// Detach gives up the execution, which runs on: what waits here can still be
// read, then Output ends with ErrDetached.
func (e *Execution) Detach() { e.finish(nil, ErrDetached) }

// finish says how it ended, once.
func (e *Execution) finish(result *protocol.ExecuteResult, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.result, e.err, e.ended = result, err, true
	e.out.finish(err)
	if e.id == "" {
		close(e.begun)
	}
	close(e.done)
	e.cancel()
}

// setID says which execution it is, once.
func (e *Execution) setID(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.id != "" || e.ended {
		return
	}
	e.id = id
	close(e.begun)
}

// receive takes the notifications of its connection, on the reading goroutine.
// Some may be of an execution that had the connection before; until the id is
// known only a start is taken, since the reply follows in every case.
func (e *Execution) receive(m *jsonrpc.Message) {
	switch m.Method {
	case protocol.NotifyStarted:
		var p protocol.ExecutionStarted
		if decode(m.Params, &p) == nil && p.SessionID == e.session {
			e.setID(p.ExecutionID)
		}
	case protocol.NotifyOutput:
		if o, id, err := decodeOutput(m.Params); err == nil && id == e.ID() {
			e.out.push(o, e.ctx.Done())
		}
	case protocol.NotifyDisplay:
		var p protocol.ExecutionDisplay
		if decode(m.Params, &p) == nil && p.ExecutionID == e.ID() {
			e.out.push(Output{Seq: p.Seq, Display: &p.Display}, e.ctx.Done())
		}
	case protocol.NotifyCompleted:
		var p struct {
			ExecutionID string       `json:"executionId"`
			Result      executeReply `json:"result"`
		}
		switch err := decode(m.Params, &p); {
		case err != nil:
			e.finish(nil, err)
		case p.ExecutionID == e.ID():
			e.complete(&p.Result)
		}
	}
}

// complete takes the result.
func (e *Execution) complete(r *executeReply) {
	e.setID(r.ExecutionID)
	kind := e.kind
	if kind == nil {
		kind = protocol.FindCommand(protocol.TypeExecuteShell)
		if bytes.Contains(r.Result, []byte(`"displays":[`)) { // which every result of code has
			kind = protocol.FindCommand(protocol.TypeExecuteCode)
		}
	}
	result, err := r.typed(kind)
	if err != nil && e.kind == nil {
		result, err = &r.ExecuteResult, nil
		result.Result = r.Result
	}
	e.finish(result, err)
}

const (
	// inputPiece is how much one call carries: less than the server's buffer.
	inputPiece = 32 << 10
	// firstPause and maxPause are between attempts while that is full.
	firstPause = 5 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// Write feeds the program's standard input, or its terminal. It waits as long
// as the program does not read.
// Errors: ErrInputClosed; ErrConnectionLost when it is not known whether the
// piece behind n was taken; others of Client.Call.
func (e *Execution) Write(p []byte) (n int, err error) {
	for pause := firstPause; n < len(p); {
		piece := p[n:min(n+inputPiece, len(p))]
		accepted, err := e.input(piece, false)
		n += accepted
		switch {
		case err != nil:
			return n, err
		case accepted > 0:
			pause = firstPause
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			pause = min(2*pause, maxPause)
		case <-e.ctx.Done():
			timer.Stop()
			return n, e.inputError(e.ctx.Err())
		}
	}
	return n, nil
}

// CloseInput ends the program's standard input; on a terminal it is the end of
// a file, as Ctrl-D is.
// Errors: as Write.
func (e *Execution) CloseInput() error {
	_, err := e.input(nil, true)
	return err
}

func (e *Execution) input(p []byte, eof bool) (int, error) {
	in := protocol.ExecutionInput{SessionID: e.session, ExecutionID: e.ID(), EOF: eof}
	if utf8.Valid(p) {
		in.Data = string(p)
	} else {
		in.Data, in.Encoding = base64.StdEncoding.EncodeToString(p), protocol.Base64
	}
	ctx, cancel := afterThe(e.ctx)
	defer cancel()
	n, err := e.client.Input(ctx, in)
	if err != nil {
		return n, e.inputError(err)
	}
	return n, nil
}

// lastWord is how long the answer to a piece is waited for once the program has
// ended: it may have been taken, and have been what the program waited for.
const lastWord = time.Second

// afterThe is a context that ends lastWord after another.
func afterThe(end context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(end))
	stop := context.AfterFunc(end, func() {
		late := time.AfterFunc(lastWord, cancel)
		context.AfterFunc(ctx, func() { late.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}

// inputError says that the input is closed where that is why.
func (e *Execution) inputError(err error) error {
	var refused *RefusedError
	var data struct {
		Member string `json:"member"`
	}
	if errors.As(err, &refused) && refused.Is(ErrInvalidParams) {
		if raw, ok := refused.Reply.Data.(jsonrpc.Raw); ok && json.Unmarshal(raw, &data) == nil && data.Member == "executionId" {
			return fmt.Errorf("%w: %w", ErrInputClosed, err)
		}
	}
	select {
	case <-e.done:
		return fmt.Errorf("%w: it has ended", ErrInputClosed)
	default:
		return err
	}
}

// Output is a piece of what a program wrote, or of what code has shown.
type Output struct {
	Stream string // stdout, stderr or pty
	Seq    int64
	Offset int64 // bytes of the stream before it
	Data   []byte
	// Display is what code has shown, in its place among the output. Such a piece
	// has no Stream and no Data.
	Display *protocol.Display
}

// size is how many bytes it holds.
func (o *Output) size() int {
	n := len(o.Data)
	if o.Display != nil {
		for kind, data := range o.Display.Data {
			n += len(kind) + len(data)
		}
	}
	return n
}

// The streams of an Output.
const (
	Stdout   = "stdout"
	Stderr   = "stderr"
	Terminal = "pty"
)

func decodeOutput(params jsonrpc.Raw) (o Output, execution string, err error) {
	var p protocol.ExecutionOutput
	if err := decode(params, &p); err != nil {
		return Output{}, "", err
	}
	o = Output{Stream: p.Stream, Seq: p.Seq, Offset: p.Offset}
	if p.Encoding != protocol.Base64 {
		o.Data = []byte(p.Data)
		return o, p.ExecutionID, nil
	}
	o.Data, err = base64.StdEncoding.DecodeString(p.Data)
	return o, p.ExecutionID, err
}

// Output delivers what the program writes, in order, none twice, across
// reconnections. It ends when the program has, or with an error behind the last
// piece. A *GapError stands where output is missing; what follows it is
// complete again.
//
// A loop that takes its time holds back the program, once OutputBytes wait
// here. But the server gives up on a connection that has taken nothing for a
// second (protocol, section 3.2); the loop then goes on with what the server
// has kept.
//
// From the call of Output on, nothing is dropped here for a Wait. A loop that
// was left may be taken up by another one. Two at once share the pieces.
func (e *Execution) Output() iter.Seq2[Output, error] {
	e.out.claim(true)
	return func(yield func(Output, error) bool) {
		e.out.claim(true)
		defer e.out.claim(false)
		for {
			it, ok := e.out.next(e.done)
			if !ok {
				return
			}
			if !yield(it.Output, it.error(e.ID())) {
				return
			}
		}
	}
}

// item is what a reader gets next: a piece, a gap, or the error at the end.
type item struct {
	Output
	gap gap
	err error
}

func (it *item) error(execution string) error {
	if it.gap.chunks > 0 {
		return &GapError{ExecutionID: execution, Chunks: it.gap.chunks, Missing: it.gap.bytes}
	}
	return it.err
}

// gap counts what is missing.
type gap struct {
	chunks int64
	bytes  protocol.DroppedBytes
}

func (g *gap) add(stream string, n int64) {
	switch stream {
	case Stdout:
		g.bytes.Stdout += n
	case Stderr:
		g.bytes.Stderr += n
	case Terminal:
		g.bytes.PTY += n
	}
}

func (g *gap) merge(other gap) {
	g.chunks += other.chunks
	g.bytes.Stdout += other.bytes.Stdout
	g.bytes.Stderr += other.bytes.Stderr
	g.bytes.PTY += other.bytes.PTY
}
