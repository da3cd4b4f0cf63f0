//go:build !linux

package cgroup

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Hierarchy is for Linux only.
type Hierarchy struct{}

// Group is for Linux only.
type Group struct{}

// Detect returns ErrUnavailable.
func Detect() (*Hierarchy, error) {
	return nil, fmt.Errorf("%w: they need a server on Linux", ErrUnavailable)
}

// At is for Linux only.
func At(string) *Hierarchy { return nil }

// String is for Linux only.
func (*Hierarchy) String() string { return "" }

// Missing is for Linux only.
func (*Hierarchy) Missing() string { return "" }

// Child returns ErrUnavailable.
func (*Group) Child(string, Limits) (*Group, error) { return nil, ErrUnavailable }

// Version is for Linux only.
func (*Group) Version() Version { return 0 }

// Tasks returns ErrUnavailable.
func (*Group) Tasks() ([]*os.File, error) { return nil, ErrUnavailable }

// Delegate returns ErrUnavailable.
func (*Group) Delegate(int) error { return ErrUnavailable }

// SetLimits returns ErrUnavailable.
func (*Group) SetLimits(Limits) error { return ErrUnavailable }

// Controllers are none.
func (*Group) Controllers() Controllers { return Controllers{} }

// Limits returns ErrUnavailable.
func (*Group) Limits() (Limits, error) { return Limits{}, ErrUnavailable }

// Refused knows nothing.
func (*Group) Refused() int64 { return 0 }

// RefusedByLimit knows nothing.
func (*Group) RefusedByLimit() int64 { return 0 }

// Usage knows nothing.
func (*Group) Usage() Usage { return Usage{} }

// Memory knows nothing.
func (*Group) Memory() (Memory, bool) { return Memory{}, false }

// Free knows nothing.
func (*Group) Free() (int64, bool) { return 0, false }

// CPU knows nothing.
func (*Group) CPU() (time.Duration, bool) { return 0, false }

// OOMKills knows nothing.
func (*Group) OOMKills() (int64, bool) { return 0, false }

// Pids returns ErrUnavailable.
func (*Group) Pids() ([]int, error) { return nil, ErrUnavailable }

// Signal returns ErrUnavailable.
func (*Group) Signal(syscall.Signal) (int, error) { return 0, ErrUnavailable }

// Kill returns ErrUnavailable.
func (*Group) Kill(context.Context) error { return ErrUnavailable }

// Empty knows nothing.
func (*Group) Empty() bool { return false }

// Full knows nothing.
func (*Group) Full() bool { return false }

// Renew knows nothing.
func (*Group) Renew() bool { return false }

// Close has nothing to do.
func (*Group) Close() {}

// Remove returns ErrUnavailable.
func (*Group) Remove(context.Context) error { return ErrUnavailable }

// OpenContainer returns ErrUnavailable.
func (*Hierarchy) OpenContainer(int) (*Group, error) { return nil, ErrUnavailable }

// ThawAll returns ErrUnavailable.
func (*Group) ThawAll() error { return ErrUnavailable }
