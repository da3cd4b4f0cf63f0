package cgroup

import (
	"errors"
	"time"
)

// ErrUnavailable: this process may not make control groups here, or the host
// has none.
var ErrUnavailable = errors.New("control groups are not available")

// Limits bound a group and what is below it. A zero member is not limited.
type Limits struct {
	MemoryBytes int64 // swap included
	CPUs        float64
	Processes   int64 // processes and threads
}

// Usage is what a group has used since it was made.
type Usage struct {
	CPU        time.Duration
	PeakMemory *int64 // bytes; nil where the kernel does not keep it
}

// cpuPeriod is the period of the CPU quota in microseconds.
const cpuPeriod = 100_000
