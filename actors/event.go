package actors

import "time"

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
