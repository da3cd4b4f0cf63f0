package actors

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

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

// Info is the session object. It is a snapshot: nobody changes it.
type Info struct {
	SessionID      string
	EnvironmentID  string
	ContainerID    string
	Runtime        runtimes.Type
	Language       runtimes.Language
	State          State
	CreatedAt      time.Time
	IdleTimeout    time.Duration
	MaxLifetime    time.Duration
	Limits         runtimes.Limits // in force
	Isolation      runtimes.Isolation
	Pooled         bool
	LastActivity   time.Time
	ExecutionCount int64
	Labels         map[string]string
}
