package box

import (
	"errors"
	"fmt"
)

// ErrUnsupported says that this host's system has no boxes.
var ErrUnsupported = errors.New("a box needs Linux")

// StepError says which step of making a box failed.
type StepError struct {
	// Step is what was done: "bind", "mount proc", "pivot root".
	Step string
	// Target is what it was done to, a path in the box, or "".
	Target string
	Err    error
}

// Error gives the step, its target and the cause.
func (e *StepError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s: %v", e.Step, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Step, e.Target, e.Err)
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

func step(name, target string, err error) error {
	if err == nil {
		return nil
	}
	return &StepError{Step: name, Target: target, Err: err}
}
