//go:build !linux

package cgroup

import (
	"context"
	"os"
)

// Hierarchy is of no use where there are no control groups.
type Hierarchy struct{ Version int }

// Group is never made where there are no control groups.
type Group struct{}

// Detect fails with ErrUnavailable.
func Detect() (*Hierarchy, error) { return nil, ErrUnavailable }

// Create fails with ErrUnavailable.
func (*Hierarchy) Create(string, Limits) (*Group, error) { return nil, ErrUnavailable }

// OpenContainer fails with ErrUnavailable.
func (*Hierarchy) OpenContainer(int) (*Group, error) { return nil, ErrUnavailable }

// Sweep does nothing.
func (*Hierarchy) Sweep(string) error { return nil }

// The methods of a Group that is never made.

func (*Group) Child(string, Limits) (*Group, error) { return nil, ErrUnavailable } // fails
func (*Group) Add(int) error                        { return ErrUnavailable }      // fails
func (*Group) Doors() ([]*os.File, error)           { return nil, ErrUnavailable } // fails
func (*Group) PerThread() bool                      { return false }               // is false
func (*Group) Pids() ([]int, error)                 { return nil, ErrUnavailable } // fails
func (*Group) Kill(context.Context) error           { return ErrUnavailable }      // fails
func (*Group) KillAll() error                       { return ErrUnavailable }      // fails
func (*Group) Remove(context.Context) error         { return ErrUnavailable }      // fails
func (*Group) SetLimits(Limits) error               { return ErrUnavailable }      // fails
func (*Group) Limits() (Limits, error)              { return Limits{}, ErrUnavailable }
func (*Group) Usage() (Usage, error)                { return Usage{}, ErrUnavailable }
func (*Group) Memory() (int64, error)               { return 0, ErrUnavailable }
func (*Group) OOMKills() int64                      { return 0 }
