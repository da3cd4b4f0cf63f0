package websocket

import (
	"errors"
	"fmt"
)

// ErrShutdown is the cause of connections that a Hub closes, and what Upgrade
// returns afterwards.
var ErrShutdown = errors.New("websocket: shutting down")

// CloseError says why a connection ended.
type CloseError struct {
	Code   uint16
	Reason string
	Remote bool  // the other side sent it
	Err    error // the cause underneath, may be nil
}

// Error is one line with the code and the reason.
func (e *CloseError) Error() string {
	side := "closed"
	if e.Remote {
		side = "closed by peer"
	}
	s := fmt.Sprintf("websocket: %s: %d", side, e.Code)
	if e.Reason != "" {
		s += " " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *CloseError) Unwrap() error { return e.Err }

func protocolError(reason string) *CloseError {
	return &CloseError{Code: CodeProtocolError, Reason: reason}
}

// broken is the end of a connection without a closing handshake.
func broken(err error) *CloseError {
	return &CloseError{Code: CodeAbnormal, Err: err}
}

// HandshakeError is the answer of a server that refused to upgrade.
type HandshakeError struct {
	Status int // of HTTP
	Err    error
}

// Error names the status.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("websocket: handshake refused with HTTP status %d", e.Status)
}

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }
