package actors

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Session is the way to one session. It stays valid after the session has
// ended: its calls are answered with ErrSessionClosed. Its methods are safe
// for use by several goroutines.
type Session struct {
	id      string
	owner   string
	root    *actor.RootContext
	pid     *actor.PID
	pending atomic.Int64 // calls sent and not taken up by the actor

	// What changes often is kept here, so that a snapshot costs the actor
	// nothing; base holds the rest and is replaced whole.
	base           atomic.Pointer[Info]
	state          atomic.Uint32
	lastActivity   atomic.Int64 // nanoseconds since 1970
	executionCount atomic.Int64
}

// maxPending bounds the calls that wait in one session's mailbox.
const maxPending = 4096

// ID returns the id, "n1.01J...".
func (s *Session) ID() string { return s.id }

// Send hands the call to the session; the answer comes by call.Caller. It does
// not block.
func (s *Session) Send(call *Call) {
	if s.pending.Add(1) > maxPending {
		s.pending.Add(-1)
		call.Caller.Reply(nil, &BusyError{Limit: "pendingCalls", Maximum: maxPending, RetryAfter: busyRetry})
		return
	}
	s.root.Send(s.pid, call)
}

// Info returns the session object as it is now.
func (s *Session) Info() *Info {
	info := *s.base.Load()
	info.State = State(s.state.Load())
	info.LastActivity = time.Unix(0, s.lastActivity.Load()).UTC()
	info.ExecutionCount = s.executionCount.Load()
	return &info
}

// State is the state of a session. The zero value is invalid.
type State uint8

// The states of a session: docs/protocol.md.
const (
	Creating State = iota + 1
	Active
	Idle
	Recovering
	Closing
	Closed
)

var stateNames = [...]string{"", "Creating", "Active", "Idle", "Recovering", "Closing", "Closed"}

// String returns the wire name.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return ""
	}
	return stateNames[s]
}

// ParseState reads a wire name.
func ParseState(name string) (State, bool) {
	at := slices.Index(stateNames[1:], name)
	return State(at + 1), at >= 0
}

// Info is the session object. It is a snapshot: nobody changes it.
type Info struct {
	SessionID      string
	EnvironmentID  string
	ContainerID    string
	Runtime        runtimes.Type
	Language       runtimes.Language
	State          State
	Pooled         bool
	CreatedAt      time.Time
	IdleTimeout    time.Duration
	MaxLifetime    time.Duration
	Limits         runtimes.Limits // in force
	Isolation      runtimes.Isolation
	LastActivity   time.Time
	ExecutionCount int64
	Labels         map[string]string
}
