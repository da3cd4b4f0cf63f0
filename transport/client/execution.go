package client

import (
	"context"
	"sync"

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
func (e *Execution) Detach() { e.settle(nil, ErrDetached) }

// settle says how it ended, once.
func (e *Execution) settle(result *protocol.ExecuteResult, err error) {
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
	case protocol.NotifyCompleted:
		var p struct {
			ExecutionID string       `json:"executionId"`
			Result      executeReply `json:"result"`
		}
		switch err := decode(m.Params, &p); {
		case err != nil:
			e.settle(nil, err)
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
	}
	result, err := r.typed(kind)
	if err != nil && e.kind == nil {
		result, err = &r.ExecuteResult, nil
		result.Result = r.Result
	}
	e.settle(result, err)
}
