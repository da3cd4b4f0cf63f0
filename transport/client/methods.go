package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Initialize asks the server who it is.
func (c *Client) Initialize(ctx context.Context) (*protocol.Initialized, error) {
	return call[protocol.Initialized](ctx, c, protocol.MethodInitialize, nil)
}

// Languages lists the languages and the runtimes that serve them now.
func (c *Client) Languages(ctx context.Context) ([]protocol.Language, error) {
	r, err := call[protocol.LanguageList](ctx, c, protocol.MethodLanguageList, nil)
	return r.Languages, err
}

// Usage tells what the key uses now, and what it may.
func (c *Client) Usage(ctx context.Context) (*protocol.KeyUsage, error) {
	return call[protocol.KeyUsage](ctx, c, protocol.MethodKeyUsage, nil)
}

// Runtimes lists the runtimes and what each offers now.
func (c *Client) Runtimes(ctx context.Context) ([]protocol.Runtime, error) {
	r, err := call[protocol.RuntimeList](ctx, c, protocol.MethodRuntimeList, nil)
	return r.Runtimes, err
}

// Create makes a session, whose notifications this client receives. Without a
// ClientToken it gets one, so that a create whose answer was lost is repeated
// and makes no second session.
func (c *Client) Create(ctx context.Context, p protocol.SessionCreate) (*protocol.Session, error) {
	if p.ClientToken == nil {
		token := rand.Text()
		p.ClientToken = &token
	}
	return c.follow(ctx, protocol.MethodSessionCreate, &p)
}

// Get returns a session.
func (c *Client) Get(ctx context.Context, session string) (*protocol.SessionDetail, error) {
	return call[protocol.SessionDetail](ctx, c, protocol.MethodSessionGet, &protocol.SessionRef{SessionID: session})
}

// List returns a page of the key's sessions.
func (c *Client) List(ctx context.Context, p protocol.SessionList) (*protocol.SessionPage, error) {
	return call[protocol.SessionPage](ctx, c, protocol.MethodSessionList, &p)
}

// Extend replaces the idle timeout or the lifetime of a session.
func (c *Client) Extend(ctx context.Context, p protocol.SessionExtend) (*protocol.Session, error) {
	return call[protocol.Session](ctx, c, protocol.MethodSessionExtend, &p)
}

// Attach makes this client receive the notifications of a session, also after
// it has connected again.
func (c *Client) Attach(ctx context.Context, session string) (*protocol.Session, error) {
	return c.follow(ctx, protocol.MethodSessionAttach, &protocol.SessionRef{SessionID: session})
}

// follow makes a call that attaches the session of its result, and keeps it
// attached.
func (c *Client) follow(ctx context.Context, method string, params any) (*protocol.Session, error) {
	s := new(protocol.Session)
	l, err := c.callOver(ctx, method, params, into(s))
	if err == nil {
		err = c.stayAttached(ctx, l, s.SessionID)
	}
	return s, err
}

// Detach is the opposite of Attach.
func (c *Client) Detach(ctx context.Context, session string) error {
	c.forget(session)
	_, err := call[protocol.Empty](ctx, c, protocol.MethodSessionDetach, &protocol.SessionRef{SessionID: session})
	return err
}

// CloseSession ends a session; nothing of it is left when it returns.
func (c *Client) CloseSession(ctx context.Context, session string) error {
	c.forget(session)
	_, err := call[protocol.SessionGone](ctx, c, protocol.MethodSessionClose, &protocol.SessionRef{SessionID: session})
	return err
}

// Executions lists the executions of a session that are kept.
func (c *Client) Executions(ctx context.Context, session string) ([]protocol.Execution, error) {
	r, err := call[protocol.ExecutionPage](ctx, c, protocol.MethodExecutionList, &protocol.SessionRef{SessionID: session})
	return r.Executions, err
}

// WaitExecution waits until an execution has completed, for timeout at most
// unless that is negative, and returns its result as Exec does; nil while it runs.
// Errors: ErrExecutionNotFound and others of Client.Call.
func (c *Client) WaitExecution(ctx context.Context, session, execution string, timeout time.Duration) (*protocol.ExecuteResult, error) {
	kept, err := c.Executions(ctx, session) // a result does not say what its command was
	if err != nil {
		return nil, err
	}
	kind := protocol.FindCommand(protocol.TypeExecuteShell)
	for i := range kept {
		if kept[i].ExecutionID == execution {
			kind = protocol.FindCommand(kept[i].Type)
		}
	}
	p := &protocol.ExecutionWait{SessionID: session, ExecutionID: execution}
	if timeout >= 0 {
		ms := timeout.Milliseconds()
		p.TimeoutMs = &ms
	}
	var w struct {
		Result *executeReply `json:"result"`
	}
	if err := c.Call(ctx, protocol.MethodExecutionWait, p, &w); err != nil || w.Result == nil {
		return nil, err
	}
	return w.Result.typed(kind)
}

// Signal signals an execution and reports whether it was still there.
func (c *Client) Signal(ctx context.Context, session, execution, signal string) (bool, error) {
	r, err := call[protocol.SignalDelivered](ctx, c, protocol.MethodExecutionSignal,
		&protocol.ExecutionSignal{SessionID: session, ExecutionID: execution, Signal: signal})
	return r.Delivered, err
}

// Input feeds an execution and returns how many bytes were accepted.
func (c *Client) Input(ctx context.Context, p protocol.ExecutionInput) (int, error) {
	r, err := call[protocol.InputAccepted](ctx, c, protocol.MethodExecutionInput, &p)
	return r.AcceptedBytes, err
}

// Resize changes the size of an execution's terminal.
func (c *Client) Resize(ctx context.Context, session, execution string, cols, rows int) error {
	w, h := int64(cols), int64(rows)
	_, err := call[protocol.Empty](ctx, c, protocol.MethodExecutionResize,
		&protocol.ExecutionResize{SessionID: session, ExecutionID: execution, Cols: &w, Rows: &h})
	return err
}

// Contexts lists the contexts of a session, in which code keeps its variables.
func (c *Client) Contexts(ctx context.Context, session string) ([]protocol.CodeContext, error) {
	r, err := call[protocol.ContextList](ctx, c, protocol.MethodCodeContexts, &protocol.SessionRef{SessionID: session})
	return r.Contexts, err
}

// RestartContext makes a context begin anew: its variables are gone.
// Errors: as Call; ErrInvalidParams when there is no context of that name.
func (c *Client) RestartContext(ctx context.Context, session, name string) error {
	_, err := call[protocol.Empty](ctx, c, protocol.MethodCodeRestart, &protocol.ContextRef{SessionID: session, Context: name})
	return err
}

// RemoveContext removes a context.
// Errors: as RestartContext.
func (c *Client) RemoveContext(ctx context.Context, session, name string) error {
	_, err := call[protocol.Empty](ctx, c, protocol.MethodCodeRemove, &protocol.ContextRef{SessionID: session, Context: name})
	return err
}

// call makes a call whose result has the type R; on an error it is zero.
func call[R any](ctx context.Context, c *Client, method string, params any) (*R, error) {
	r := new(R)
	_, err := c.callOver(ctx, method, params, into(r))
	return r, err
}

// Execute is a command with the way it is to run.
type Execute struct {
	SessionID        string
	Command          any // *protocol.WriteFile, *protocol.ExecuteShell, ...
	Stream           bool
	Background       bool
	KillOnDisconnect bool
	Timeout          time.Duration // zero is the server's default
}

func (e *Execute) params() (*protocol.Execute, error) {
	kind := protocol.CommandOf(e.Command)
	if kind == nil {
		return nil, fmt.Errorf("%T is not a command", e.Command)
	}
	raw, err := protocol.EncodeCommand(kind.Type, e.Command)
	if err != nil {
		return nil, fmt.Errorf("command %s: %w", kind.Type, err)
	}
	p := &protocol.Execute{
		SessionID: e.SessionID, Command: raw, Stream: e.Stream, Background: e.Background, KillOnDisconnect: e.KillOnDisconnect,
	}
	if e.Timeout > 0 {
		ms := max(e.Timeout.Milliseconds(), 1)
		p.TimeoutMs = &ms
	}
	return p, nil
}

// Exec runs a command and returns its result, whose Result is that of the
// command's type: *protocol.ProcessResult, *protocol.FileContent, ...
func (c *Client) Exec(ctx context.Context, session string, command any) (*protocol.ExecuteResult, error) {
	return c.Execute(ctx, Execute{SessionID: session, Command: command})
}

// Execute is Exec with all that a command may be told. With Background the
// result comes once the command runs. Use Start for Stream.
func (c *Client) Execute(ctx context.Context, e Execute) (*protocol.ExecuteResult, error) {
	e.Stream = false
	params, err := e.params()
	if err != nil {
		return nil, err
	}
	var raw executeReply
	if _, err := c.callOver(ctx, protocol.MethodSessionExecute, params, into(&raw)); err != nil {
		return nil, err
	}
	return raw.typed(protocol.CommandOf(e.Command))
}

// executeReply is an ExecuteResult whose result has not been decoded.
type executeReply struct {
	protocol.ExecuteResult
	Result jsonrpc.Raw `json:"result"`
}

func (r *executeReply) typed(kind *protocol.CommandKind) (*protocol.ExecuteResult, error) {
	var err error
	if r.ExecuteResult.Result, err = kind.DecodeResult(r.Result); err != nil {
		return nil, fmt.Errorf("%s: result of %s: %w", protocol.MethodSessionExecute, kind.Type, err)
	}
	return &r.ExecuteResult, nil
}

// Program is an ExecuteShell of an argument vector.
func Program(name string, args ...string) *protocol.ExecuteShell {
	return &protocol.ExecuteShell{CommandName: &name, Args: args}
}

// WriteText is a WriteFile of text.
func WriteText(path, content string) *protocol.WriteFile {
	return &protocol.WriteFile{Path: &path, Content: &content}
}

// Read is a ReadFile of a whole file, as much of it as fits into a message; see
// Client.ReadFile for all of it.
func Read(path string) *protocol.ReadFile { return &protocol.ReadFile{Path: &path} }

// CommandError is a command that could not do its work, where a method returns
// something else than its result.
type CommandError struct {
	Code    string // errorCode of the result, as NotFound
	Message string
}

// Error is the sentence of the result with its code.
func (e *CommandError) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

// ReadFile returns the whole content of a file, in as many calls as it takes.
// What changes in the file meanwhile may be seen in part.
// Errors: *CommandError when it cannot be read; those of Call.
func (c *Client) ReadFile(ctx context.Context, session, path string) ([]byte, error) {
	var content []byte
	for {
		offset := int64(len(content))
		r, err := c.Exec(ctx, session, &protocol.ReadFile{Path: &path, Offset: &offset})
		if err != nil {
			return nil, err
		}
		f, ok := r.Result.(*protocol.FileContent)
		if !ok {
			failed := &CommandError{Code: r.ErrorCode}
			if r.Error != nil {
				failed.Message = *r.Error
			}
			return nil, failed
		}
		part := []byte(f.Content)
		if f.Encoding == string(protocol.Base64) {
			if part, err = base64.StdEncoding.DecodeString(f.Content); err != nil {
				return nil, fmt.Errorf("content of %s: %w", path, err)
			}
		}
		content = append(content, part...)
		if !f.Truncated || len(part) == 0 {
			return content, nil
		}
	}
}
