package actors

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Execute runs a command. Result: *Outcome once it has completed; with
// Background, *Started once it runs.
// Errors: *BusyError when the queue is full; ErrSessionClosed.
type Execute struct {
	// Command is one of *runtimes.Command, *runtimes.WriteFile,
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
	// Note comes back in Outcome.Note: what the caller needs to know of the
	// command when it reads the outcome later, on whatever connection.
	Note any
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
