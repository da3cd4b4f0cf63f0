package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Sentinels that callers branch on.
var (
	// ErrSessionNotFound: no such session, or another key's.
	ErrSessionNotFound = errors.New("no such session")
	// ErrSessionClosed: the session is closing or closed a moment ago.
	ErrSessionClosed = errors.New("the session is closed")
	// ErrExecutionNotFound: unknown, or no longer kept.
	ErrExecutionNotFound = errors.New("no such execution")
	// ErrShuttingDown: the server is draining.
	ErrShuttingDown = errors.New("the server is shutting down")
	// ErrInternal: a defect of ours; the log has the stack.
	ErrInternal = errors.New("internal error")
)

// Unexpected is ErrInternal for a result that is not of the type that its request
// documents.
func Unexpected(result any) error { return fmt.Errorf("%w: unexpected result %T", ErrInternal, result) }

// BusyError says that a limit is reached; later the call may succeed.
type BusyError struct {
	Limit      string // "sessions", "queue", ...
	Maximum    int64
	RetryAfter time.Duration
	Message    string // a sentence; "" is made of the limit
}

// Error names the limit.
func (e *BusyError) Error() string {
	if e.Message != "" {
		return "busy: " + e.Message
	}
	return fmt.Sprintf("busy: the limit of %d %s is reached", e.Maximum, e.Limit)
}

// ArgumentError says which member of a request cannot be, given the state of
// the session.
type ArgumentError struct {
	Member string // wire name
	Reason string // a sentence
}

// Error gives member and reason.
func (e *ArgumentError) Error() string { return e.Member + ": " + e.Reason }

// UnavailableError says why the runtime that was named cannot be used.
type UnavailableError struct {
	Runtime runtimes.Type
	Reason  string
}

// Error gives the reason.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("the runtime %v is not available: %s", e.Runtime, e.Reason)
}

// LanguageError says that no runtime here serves the language.
type LanguageError struct {
	Language runtimes.Language
	Served   []runtimes.Language // what is served here
	Reason   string              // why the runtimes that could are not there
}

// Error names the language.
func (e *LanguageError) Error() string {
	return fmt.Sprintf("no runtime on this server serves %v", e.Language)
}
