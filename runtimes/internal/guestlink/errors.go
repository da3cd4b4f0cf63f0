package guestlink

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is the end of a link by Close.
	ErrClosed = errors.New("the link to the agent is closed")
	// errGone is the end of the agent.
	errGone = errors.New("the agent is gone")
)

// HelloError is a step of Hello that the agent could not carry out.
type HelloError struct {
	// Message is the agent's, at most a line. It is for the log: it may name
	// paths of the host.
	Message string
}

// Error gives the message.
func (e *HelloError) Error() string { return "the agent could not settle: " + e.Message }

// protocolError is a frame that no honest agent sends.
func protocolError(format string, args ...any) error {
	return fmt.Errorf("the agent broke the protocol: "+format, args...)
}
