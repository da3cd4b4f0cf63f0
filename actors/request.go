package actors

import (
	"context"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// Call is one request on its way to a session. It belongs to the session from
// Session.Send until Caller.Reply, after which it may be used again.
type Call struct {
	// Request is a pointer to one of the request types of this package:
	// *Execute, *GetInfo, *Extend, *Attach, *Detach, *Disconnected, *Close,
	// *ListExecutions, *ListContexts, *EndContext, *OpenExecution, *WaitExecution, *Input, *SendSignal,
	// *Resize.
	Request any
	Caller  Caller
}

// IgnoreDeadLetterLogging keeps requests and their contents out of the log of
// protoactor-go.
func (*Call) IgnoreDeadLetterLogging() {}

// Caller receives the answer of a call.
type Caller interface {
	// Reply answers the call. It is called exactly once, from any goroutine,
	// and must not block. result is what the request type documents; err is
	// one of the errors of this package.
	Reply(result any, err error)
}

// Follower is a Caller that reads the output of the command it sent.
type Follower interface {
	// Follow is called at most once, before Reply and before the program
	// starts, when an Execute with Stream has been accepted. It must not
	// block; it usually subscribes to the log.
	Follow(log *output.Log)
}

// CreateRequest describes the session to create. Every default has been
// applied and every maximum checked before.
type CreateRequest struct {
	// Owner is the id of the key that creates, "" without keys.
	Owner      string
	Language   runtimes.Language
	Preference runtimes.Preference
	// Runtime is the one named, without fallback; zero lets the selector pick.
	Runtime     runtimes.Type
	IdleTimeout time.Duration
	MaxLifetime time.Duration
	Limits      runtimes.Limits
	DiskAsked   bool // Limits.DiskBytes is no default
	Network     runtimes.Network
	Env         []string
	Image       string
	Labels      map[string]string
	// KillOnDisconnect ends the session when no connection has been attached to
	// it for DisconnectGrace.
	KillOnDisconnect bool
	// ClientToken makes the creation idempotent; "" does not. Fingerprint is
	// a digest of all the other parameters: the same token with another
	// fingerprint is an *ArgumentError of clientToken.
	ClientToken string
	Fingerprint string
	// Quota is asked for the share of a session that is really made, and gets it
	// back once nothing of the session is left. Nil bounds nothing.
	Quota Quota `json:"-"`
	// Sink is attached to the session before the creation is answered, as by
	// Attach; nil attaches nobody. It hears of nothing before the answer.
	Sink EventSink
}

// Quota is what the sessions of one owner may have together. Its methods must not
// block.
type Quota interface {
	// Take takes a share for one more session. Its error answers the create.
	Take(Share) error
	// Give gives it back.
	Give(Share)
}

// Share is what one session may have, as it was asked for.
type Share struct {
	MemoryMB, DiskMB int32
	CPUs             float32
}

// shareOf is that of a request.
func shareOf(l *runtimes.Limits) Share {
	return Share{int32(l.MemoryBytes >> 20), int32(l.DiskBytes >> 20), float32(l.CPUs)}
}

// Everybody, as an owner in a look-up or a list, has every session. No key has
// that id.
const Everybody = "*"

// ListRequest asks for a page of sessions.
type ListRequest struct {
	Owner  string // or Everybody
	Limit  int    // at least 1
	After  string // session id; "" starts
	Labels map[string]string
}

// Execute runs a command. Result: *Outcome once it has completed; with
// Background, *Started once it runs.
// Errors: *BusyError when the queue is full; ErrSessionClosed.
type Execute struct {
	// Command is one of *runtimes.Command, *Cell, *runtimes.WriteFile,
	// *runtimes.ReadFile, *runtimes.CreateDirectory, *runtimes.CopyFile,
	// *runtimes.MoveFile, *runtimes.DeleteFile, *runtimes.ListDirectory.
	Command any
	// Type is the wire word of the command, shown by ListExecutions.
	Type string
	// Stream: the Caller is a Follower and is told of the output.
	Stream bool
	// Background: starts at once, outlives the connection, is not queued.
	Background bool
	// KillOnDisconnect ends the execution when Sink disconnects.
	KillOnDisconnect bool
	// Timeout counts from the start of the process. Zero: none.
	Timeout time.Duration
	// Sink is the connection that asked; needed for KillOnDisconnect only.
	Sink EventSink
	// Note comes back in Outcome.Note: what the caller needs to know of a file
	// command when it reads the outcome later, on whatever connection.
	Note *FileNote
	// Release is called once the command is done and what Command holds is not
	// needed any more. Nil: nobody counts it. The call that came with it must not
	// call it once the session has taken the command up, which sets it to nil.
	Release func()
	// Account is what the content of a *runtimes.ReadFile is taken from, before
	// it is read. Nil has no bound.
	Account Account
}

// Account bounds memory. Its methods are safe for concurrent use.
type Account interface {
	// Hold takes n bytes, and waits until there is room for them.
	Hold(ctx context.Context, n int64) error
	// Give gives them back.
	Give(n int64)
}

// GetInfo asks for the session object. Result: *Info.
type GetInfo struct{}

// Extend replaces the idle timeout, the lifetime or both; zero leaves a value
// as it is. Result: *Info.
type Extend struct {
	IdleTimeout time.Duration
	MaxLifetime time.Duration // counts from the creation
}

// Attach makes the connection receive the session's events. Result: *Info.
// Attaching twice is attaching once.
type Attach struct{ Sink EventSink }

// Detach is the opposite of Attach. Result: nil.
type Detach struct{ Sink EventSink }

// Disconnected tells that a connection is gone: it is detached and what it
// started with KillOnDisconnect ends. Result: nil.
type Disconnected struct{ Sink EventSink }

// Close ends the session. Result: nil, once nothing of it is left.
type Close struct{}

// ListContexts lists the contexts of the session's cells. Result: *ContextList.
type ListContexts struct{}

// EndContext ends the kernel of a context and the cell that runs there; with Remove
// the context goes too, else its next cell begins anew. Result: nil.
// Errors: *ArgumentError of context when there is none.
type EndContext struct {
	Context string
	Remove  bool
}

// ListExecutions asks for the executions that are kept. Result:
// *ExecutionList, oldest first.
type ListExecutions struct{}

// OpenExecution asks for the output of an execution. Result: *output.Log.
// Errors: ErrExecutionNotFound.
type OpenExecution struct{ Execution string }

// WaitExecution waits until an execution has completed, or for Timeout when
// that is not zero. Result: *Waited.
// Errors: ErrExecutionNotFound.
type WaitExecution struct {
	Execution string
	Timeout   time.Duration
}

// Input feeds a running execution. Result: *Accepted.
// Errors: ErrExecutionNotFound; *ArgumentError when it takes no input.
type Input struct {
	Execution string
	Data      []byte // valid until Reply
	EOF       bool   // close the input after Data, if all of it was accepted
}

// SendSignal signals an execution; one that is queued is cancelled. Result:
// *Delivered.
// Errors: ErrExecutionNotFound.
type SendSignal struct {
	Execution string
	Signal    runtimes.Signal
}

// Resize changes the size of an execution's terminal. Result: nil.
// Errors: ErrExecutionNotFound; *ArgumentError without a terminal.
type Resize struct {
	Execution string
	Size      runtimes.TerminalSize
}
