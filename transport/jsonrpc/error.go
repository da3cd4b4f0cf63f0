package jsonrpc

import "fmt"

// Error is the error of a reply.
type Error struct {
	Code    Code
	Message string // one sentence for the client
	Data    any    // nil: the reply has no data

	// Cause is for the log and never leaves the server.
	Cause error
}

// Errorf makes an Error without data.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// refuse is an Error with the code's own text, which is what the examples of
// the specification show to the letter.
func refuse(code Code, cause error) *Error {
	return &Error{Code: code, Message: code.String(), Cause: cause}
}

// Error is the message with its code, and the cause when there is one.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s (%d)", e.Message, e.Code)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
