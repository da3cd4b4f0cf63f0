package runtimes

import (
	"errors"
	"fmt"
)

// Sentinels that callers branch on.
var (
	// ErrEnvironmentLost: the environment is gone; the session may replace it.
	ErrEnvironmentLost = errors.New("the environment is gone")
	// ErrInputClosed: the program takes no more input.
	ErrInputClosed = errors.New("the input is closed")
	// ErrNoTerminal: the program has no terminal.
	ErrNoTerminal = errors.New("the execution has no terminal")
)

// EnvironmentError says which step of making an environment failed.
type EnvironmentError struct {
	Runtime Type
	// Step names what was being done: "create container", "wait for guest".
	Step string
	// Reason is a sentence for the client: what to do. It holds no path or
	// secret of the server.
	Reason string
	// Err is the cause, for the log.
	Err error
}

// Error gives the step and the cause, for the log.
func (e *EnvironmentError) Error() string {
	return fmt.Sprintf("%v environment: %s: %v", e.Runtime, e.Step, e.Err)
}

// Unwrap returns the cause.
func (e *EnvironmentError) Unwrap() error { return e.Err }
