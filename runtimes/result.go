package runtimes

import (
	"slices"
	"time"
)

// Status says how a program ended. The zero value is invalid.
type Status uint8

// How a program may end. The limit that fired first names the status.
const (
	Completed Status = iota + 1 // exit code 0
	NonZeroExit
	Signalled
	TimeLimitExceeded
	MemoryLimitExceeded
	OutputLimitExceeded
	Cancelled
	EnvironmentLost
	CouldNotStart
	// Exception is an uncaught one of a cell. Its Code is nil.
	Exception

	statusCount = iota + 1
)

var statusNames = [statusCount]string{
	"", "Completed", "NonZeroExit", "Signalled", "TimeLimitExceeded", "MemoryLimitExceeded",
	"OutputLimitExceeded", "Cancelled", "EnvironmentLost", "CouldNotStart",
	"Exception",
}

// String returns the wire name, or "" for the invalid status.
func (s Status) String() string {
	if int(s) >= statusCount {
		return ""
	}
	return statusNames[s]
}

// ParseStatus reads a wire name.
func ParseStatus(name string) (Status, bool) {
	at := slices.Index(statusNames[1:], name)
	return Status(at + 1), at >= 0
}

// Exit is what is known of a program that has ended. Only the kernel's word
// goes into Code and Signal; what is not known is nil or "".
type Exit struct {
	Status Status
	// Code is the exit code, nil when the program did not exit by itself.
	Code *int
	// Signal is the name of the signal that ended it ("SIGKILL"), or "".
	Signal string
	// Message explains CouldNotStart and EnvironmentLost in one sentence.
	Message string
	// LimitsHit are limits that were reached and did not end the program.
	LimitsHit []Limit
	// Cut tells the streams of which an output limit kept back a part, by
	// Stream - 1.
	Cut [3]bool
	// Ended are processes that the program had started and left behind when it
	// ended by itself, and that were then killed: at most [MaxEnded], in the
	// order of their numbers.
	Ended []EndedProcess
	// Usage is what the whole tree used.
	Usage Usage
}

// MaxEnded is how many processes Exit.Ended names at most.
const MaxEnded = 16

// EndedProcess is a process that was ended with the program that left it behind.
type EndedProcess struct {
	PID  int    // as programs of the environment number it
	Name string // the kernel's name of it: of its file, at most 15 bytes
}

// Limit is the wire name of a limit that refuses and does not end.
type Limit string

// ProcessLimit refuses the birth of processes and threads.
const ProcessLimit Limit = "processes"

// Usage is what a program and its tree used. A nil member is not known.
type Usage struct {
	Wall time.Duration
	CPU  *time.Duration
	// PeakMemory is the most memory that the processes of the tree held at one
	// time, in bytes: anonymous pages and shared memory, not what the kernel
	// keeps of files. Without control groups it is that of the largest process,
	// with the files that it has mapped.
	PeakMemory *int64
}
