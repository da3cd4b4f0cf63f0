package actors

import (
	"context"
	"log/slog"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Options of a System. Registry is required; other zero values have defaults.
type Options struct {
	Registry *runtimes.Registry
	// Node is the first part of every session id. "" means "n1".
	Node string
	// MaxSessions bounds live sessions. Zero means 256.
	MaxSessions int
	// QueueLength bounds the commands that wait in one session. Zero means 64.
	QueueLength int
	// OutputBytes is how much output of each execution is kept. Zero means
	// 1 MiB.
	OutputBytes int
	Logger      *slog.Logger // nil discards
	Observer    Observer     // nil counts nothing
}

// System runs the sessions of one server. Its methods are safe for use by
// several goroutines.
type System struct{ todo Options }

// NewSystem starts the actors.
func NewSystem(o Options) *System { return &System{o} }

// Create makes a session and waits until it is ready.
// Errors: *BusyError, *UnavailableError, *LanguageError, *ArgumentError,
// *runtimes.EnvironmentError, ErrShuttingDown, ctx's cause.
func (s *System) Create(ctx context.Context, r CreateRequest) (*Session, *Info, error) {
	panic("being written")
}

// Lookup finds the owner's session.
// Errors: ErrSessionNotFound, ErrSessionClosed when it ended a moment ago.
func (s *System) Lookup(ctx context.Context, owner, id string) (*Session, error) {
	panic("being written")
}

// List returns a page of the owner's sessions, oldest first, and the id to
// give as After for the next page, "" behind the last.
func (s *System) List(ctx context.Context, r ListRequest) ([]*Info, string, error) {
	panic("being written")
}

// Drain refuses new sessions from now on; Lookup and calls go on.
func (s *System) Drain() {}

// Shutdown drains, closes every session with the reason shutdown, and returns
// once nothing of them is left or ctx ends.
func (s *System) Shutdown(ctx context.Context) error { return nil }

// Session is the way to one session. It stays valid after the session has
// ended: its calls are answered with ErrSessionClosed.
type Session struct{ id string }

// ID returns the id, "n1.01J...".
func (s *Session) ID() string { return s.id }

// Send hands the call to the session; the answer comes by call.Caller. It does
// not block.
func (s *Session) Send(call *Call) { panic("being written") }
