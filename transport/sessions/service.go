package sessions

import (
	"context"
	"iter"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// Service is what one client can do. Its methods, and those of the sessions and
// executions it returns, are safe for concurrent use. Each returns its context's
// cause when that ends first; what was asked for may then have happened.
type Service interface {
	// Languages lists every language, with the runtimes that serve it now.
	Languages(ctx context.Context) ([]Language, error)
	// Runtimes lists the runtimes of the server and what each offers now.
	Runtimes(ctx context.Context) ([]Runtime, error)

	// Usage is what the client's key uses now, or without keys its address, and
	// what it may.
	Usage(ctx context.Context) (Usage, error)

	// Create makes a session and returns once it can take commands. Its events
	// come to this service from the start.
	// Errors: *FieldError, *UnknownLanguageError, *UnavailableError,
	// *LanguageError, *EnvironmentError, *BusyError, *RateError, ErrShuttingDown.
	Create(ctx context.Context, r Create) (Session, *Info, error)
	// Open finds a session of the client's key by its id.
	// Errors: ErrSessionNotFound, ErrSessionClosed, *FieldError.
	Open(ctx context.Context, id string) (Session, error)
	// List returns a page of the key's sessions, oldest first.
	// Errors: *FieldError.
	List(ctx context.Context, r List) (Page, error)

	// Close tells that the client is gone. Sessions and executions live on, except
	// those made with KillOnDisconnect.
	Close() error
}

// Session is one session, wherever it lives. Every method may return
// ErrSessionClosed or ErrSessionNotFound.
type Session interface {
	ID() string
	// Info is the session as it is now.
	Info(ctx context.Context) (*Info, error)
	// Extend replaces the idle timeout, the lifetime or both.
	// Errors: *FieldError.
	Extend(ctx context.Context, r Extend) (*Info, error)
	// Attach makes the service receive the session's events; Detach is its
	// opposite.
	Attach(ctx context.Context) (*Info, error)
	Detach(ctx context.Context) error
	// Close ends the session, and returns once nothing of it is left. Closing
	// again is no error.
	Close(ctx context.Context) error

	// Execute runs a command and returns what it came to. A command that could
	// not do its work is an Outcome without Success, not an error. With Background
	// it returns once the command runs, and the Outcome says so by Running.
	// Errors: *FieldError, *TooLargeError, *BusyError.
	Execute(ctx context.Context, r Execute) (*Outcome, error)
	// Start runs a program and returns once the session has accepted it, with
	// Background once it runs. The program's standard input stays open unless
	// Stdin is not nil.
	// Errors: as Execute.
	Start(ctx context.Context, r Execute) (Execution, error)
	// Executions lists the executions that are kept, oldest first.
	Executions(ctx context.Context) ([]ExecutionInfo, error)
	// Contexts lists the contexts in which cells have left variables, in the order
	// in which they were made.
	Contexts(ctx context.Context) ([]Context, error)
	// RestartContext ends what runs in a context; its next cell begins anew.
	// RemoveContext is the same, and the context is gone.
	// Errors: one about FieldContextName when there is none of that name.
	RestartContext(ctx context.Context, name string) error
	RemoveContext(ctx context.Context, name string) error
	// Execution is the one with that id. Whether there is such a one is seen when
	// it is used: ErrExecutionNotFound.
	Execution(id string) Execution
}

// Execution is a command of a session, while it is queued, runs or is kept.
type Execution interface {
	ID() string
	// Output yields the output from chunk number from on, as it comes, and ends
	// with the execution. Negative begins with the oldest chunk that is kept.
	// What was dropped shows as a gap in Offset. Whoever is slow to take it holds
	// the program back.
	Output(ctx context.Context, from int64) iter.Seq2[Chunk, error]
	// Wait waits until the execution has completed, for timeout at most unless
	// that is negative. A nil Outcome: it has not.
	Wait(ctx context.Context, timeout time.Duration) (*Outcome, error)
	// Input feeds a program, and closes its input behind data when eof is set and
	// all of it was accepted. Zero accepted: its buffer is full.
	// When it returns an error data may still be read, and must not change.
	// Errors: one about FieldExecution when it takes no input; *TooLargeError.
	Input(ctx context.Context, data []byte, eof bool) (accepted int, err error)
	// Signal reports whether the execution was still there to be signalled; one
	// that is queued is cancelled.
	Signal(ctx context.Context, signal runtimes.Signal) (delivered bool, err error)
	// Resize changes the size of the program's terminal.
	// Errors: *FieldError; one about FieldExecution without a terminal.
	Resize(ctx context.Context, size runtimes.TerminalSize) error
}

// Types of what a session tells. They are those of the actors.
type (
	// Info is a session as it is at one moment.
	Info = actors.Info
	// ExecutionInfo describes an execution without its content.
	ExecutionInfo = actors.ExecutionInfo
	// ProgramResult is what a program did.
	ProgramResult = actors.ProcessResult
	// CellResult is what a cell came to.
	CellResult = actors.CellResult
	// Context describes one context of a session's cells.
	Context = actors.ContextInfo
	// Event is something that happened to a session.
	Event = actors.Event
	// Pool is what is ready of one runtime, language and image.
	Pool = actors.PoolInfo
	// Chunk is a piece of output.
	Chunk = output.Chunk
)

// Language is one language and who serves it now.
type Language struct {
	Language runtimes.Language
	Runtimes []runtimes.Type
	Default  runtimes.Type // what Balanced chooses now; zero: none serves it
}

// Runtime is one runtime and what it offers now.
type Runtime struct {
	Type         runtimes.Type
	Availability runtimes.Availability
	Figures      runtimes.Figures
	Measured     bool // Figures were measured on this host; else they are declared
	// Stateful are the languages whose cells run there, and keep their variables.
	Stateful     []runtimes.Language
	Warm, Target int // ready environments, and how many are aimed at
	Pools        []Pool
}

// Create describes the session to make. Nil and zero members have the defaults
// of the server's [Policy].
type Create struct {
	// Language is the name of a language, or an alias. It is required.
	Language string
	// Preference says what matters in the choice of a runtime; nil is Balanced.
	Preference *runtimes.Preference
	// Runtime is that one and no other; zero lets the server choose.
	Runtime runtimes.Type
	// IdleTimeout and MaxLifetime end the session without activity, and after its
	// creation.
	IdleTimeout, MaxLifetime *time.Duration
	// MemoryMB bounds the memory of all its processes, CPUs their processor time
	// per second, Processes their number, DiskMB its files.
	MemoryMB  *int64
	CPUs      *float64
	Processes *int64
	DiskMB    *int64
	Network   runtimes.Network
	// Env are variables of every program.
	Env map[string]string
	// Image is another container image than the language's. Nil is the language's.
	Image  *string
	Labels map[string]string
	// KillOnDisconnect ends the session some time after the last service that was
	// attached to it has been closed.
	KillOnDisconnect bool
	// ClientToken makes the creation idempotent: the same token and the same
	// members return the same session while it lives. Nil does not.
	ClientToken *string
}

// List asks for a page of sessions.
type List struct {
	Limit  *int64  // sessions of the page; nil is 100
	After  *string // Page.Next of the page before; nil is the first
	Labels map[string]string
}

// Page is some of a key's sessions.
type Page struct {
	Sessions []*Info
	Next     string // List.After of the next page; "" behind the last
}

// Extend says what to replace; nil leaves a value as it is.
type Extend struct {
	IdleTimeout *time.Duration
	MaxLifetime *time.Duration // counts from the creation
}

// Execute is a command and how it is to run. One of Program, Cell and File is set.
type Execute struct {
	Program *Program
	Cell    *Cell
	File    runtimes.FileCommand
	// Background starts it at once, beside the commands that wait their turn.
	Background bool
	// KillOnDisconnect ends it when the service is closed.
	KillOnDisconnect bool
	// Timeout counts from its start. Nil is the server's default, which is none
	// for a background command and for one with a terminal.
	Timeout *time.Duration
}

// Program is a program to run: an argument vector, never a shell line.
type Program struct {
	// Name is the program: a name found on PATH, or a path. It is required.
	Name *string
	Args []string
	// Dir is where it starts: relative to the workspace, or absolute below
	// /workspace. "" is the workspace.
	Dir string
	Env map[string]string // besides the session's
	// Stdin is its standard input, then comes end of file. Nil with OpenInput
	// leaves the input open for Execution.Input.
	Stdin     []byte
	OpenInput bool
	// Terminal gives it a terminal of that size; a zero member is 80 columns, 24
	// rows.
	Terminal *Terminal
	Limits   ProgramLimits
}

// Cell is code that a kernel of the session runs. What it defines lives on for the
// cells after it.
type Cell struct {
	// Code is what to run. It is required.
	Code *string
	// Language is the name of the code's; "" is the session's.
	Language string
	// Context is the name of the context whose variables it has: nil is "default".
	Context *string
	// Stdin is its standard input, then comes end of file. Nil with OpenInput
	// leaves the input open for Execution.Input.
	Stdin     []byte
	OpenInput bool
	// Timeout is Execute.Timeout, and goes before it.
	Timeout *time.Duration
	// Reset begins the context anew first.
	Reset bool
}

// DefaultContext is the context of a cell that names none.
const DefaultContext = "default"

// Terminal is the size of a terminal in characters. Nil is 80 and 24.
type Terminal struct{ Columns, Rows *int64 }

// ProgramLimits bound one program; nil members do not.
type ProgramLimits struct {
	MemoryMB    *int64
	CPU         *time.Duration // of all its processes together
	Processes   *int64
	OutputBytes *int64 // of all streams together
	StackMB     *int64 // of each thread that a program starts with
}

// Outcome is what a command came to.
type Outcome struct {
	ExecutionID string
	Success     bool
	// Running: the command runs in the background; nothing below is known.
	Running bool
	// Error is a sentence and ErrorCode a word, as NotFound or the status of a
	// program; both "" on success.
	Error, ErrorCode string
	Duration         time.Duration

	Program *ProgramResult        // of a program, also of one that failed
	Cell    *CellResult           // of a cell, also of one that failed
	Content *runtimes.FileContent // of a ReadFile
	Listing *runtimes.Listing     // of a ListDirectory
	Bytes   int64                 // written by a WriteFile, copied by a CopyFile
}
