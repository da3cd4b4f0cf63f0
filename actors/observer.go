package actors

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
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
	// CommandDone tells the wire word of the command, the word of its status
	// ("Completed", "NotFound", ...) and how long it took.
	CommandDone(runtime runtimes.Type, command, status string, took time.Duration)
	// Queued tells by how much the number of queued commands changed.
	Queued(delta int)
}

type nopObserver struct{}

func (nopObserver) SessionOpened(runtimes.Type)                              {}
func (nopObserver) SessionEnded(runtimes.Type, string)                       {}
func (nopObserver) EnvironmentCreated(runtimes.Type, time.Duration, error)   {}
func (nopObserver) CommandDone(runtimes.Type, string, string, time.Duration) {}
func (nopObserver) Queued(int)                                               {}
