package actors

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// EventSink is a connection as a session sees it. It must be comparable: the
// same sink attached twice is attached once.
type EventSink interface {
	// SessionEvent delivers an event. It must not block.
	SessionEvent(Event)
}

// EventKind says what happened to a session.
type EventKind uint8

// The kinds of events, by their notifications.
const (
	StateChanged EventKind = iota + 1 // session.stateChanged
	Expiring                          // session.expiring
	SessionEnded                      // session.closed, the last one
)

// Event is something that happened to a session.
type Event struct {
	Kind      EventKind
	SessionID string
	State     State         // of StateChanged
	Reason    string        // wire word
	In        time.Duration // of Expiring: how soon
}

// Why a state changed.
const (
	ReasonCommand         = "command"
	ReasonEnvironmentLost = "environmentLost"
	ReasonRecovered       = "recovered"
	ReasonClosing         = "closing"
)

// Why a session ended.
const (
	EndedByClient          = "client"
	EndedByIdleTimeout     = "idleTimeout"
	EndedByMaxLifetime     = "maxLifetime"
	EndedByDisconnect      = "disconnect"
	EndedByShutdown        = "shutdown"
	EndedByEnvironmentLost = "environmentLost"
	EndedByLimit           = "limit"
)

// Observer counts. Its methods are called on hot paths from several
// goroutines; they must not block.
type Observer interface {
	// SessionOpened and SessionEnded come once for each session that was
	// created.
	SessionOpened(runtime runtimes.Type)
	SessionEnded(runtime runtimes.Type, reason string)
	// EnvironmentCreated tells how long a runtime took, and whether it failed.
	EnvironmentCreated(runtime runtimes.Type, took time.Duration, err error)
	// PoolFilled tells how long it took to make an environment ready for a pool, and
	// whether that failed.
	PoolFilled(runtime runtimes.Type, language runtimes.Language, took time.Duration, err error)
	// CommandDone tells the wire word of the command, the word of its status
	// ("Completed", "NotFound", ...) and how long it took.
	CommandDone(runtime runtimes.Type, command, status string, took time.Duration)
	// Queued tells by how much the number of queued commands changed.
	Queued(delta int)
}

type nopObserver struct{}

func (nopObserver) SessionOpened(runtimes.Type)                                       {}
func (nopObserver) SessionEnded(runtimes.Type, string)                                {}
func (nopObserver) EnvironmentCreated(runtimes.Type, time.Duration, error)            {}
func (nopObserver) PoolFilled(runtimes.Type, runtimes.Language, time.Duration, error) {}
func (nopObserver) CommandDone(runtimes.Type, string, string, time.Duration)          {}
func (nopObserver) Queued(int)                                                        {}
