package cgroup

import "errors"

var (
	// ErrUnavailable: this process cannot make control groups here. The error
	// that wraps it says why, for the operator.
	ErrUnavailable = errors.New("control groups are not available")
	// errNoSystemd: nobody listens where systemd would.
	errNoSystemd = errors.New("no systemd answers")
	// ErrNotEmpty: processes of a group did not end in time.
	ErrNotEmpty = errors.New("the control group still has processes")
)
