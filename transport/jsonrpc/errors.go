package jsonrpc

import (
	"errors"
	"fmt"
	"strconv"
)

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

// Causes of a refused request, for logs: see Error.Cause. The wire says no more
// than the specification's own examples do.
var (
	errEmpty      = errors.New("empty message")
	errTrailing   = errors.New("text after a value on the same line")
	errNotValid   = errors.New("not valid JSON")
	errNotObject  = errors.New("a request is an object")
	errEmptyBatch = errors.New("a batch has at least one member")
	errVersion    = errors.New(`member jsonrpc is not "2.0"`)
	errMethod     = errors.New("member method is not a string")
	errParams     = errors.New("member params is neither object nor array")
	errID         = errors.New("member id is neither string, number nor null")
	errPanicked   = errors.New("the JSON coder panicked")
)

// Code is the code of an error reply. It is no error, so that none is returned
// by accident. The zero Code means no error.
type Code int32

// The codes of the specification, section 5.1. Those of the application are
// not here.
const (
	ParseError     Code = -32700 // the message is not JSON
	InvalidRequest Code = -32600 // it is JSON and no request
	MethodNotFound Code = -32601
	InvalidParams  Code = -32602 // data names the member
	InternalError  Code = -32603 // a defect of ours
)

// tooLarge is the one code of the application that the envelope itself needs,
// for a batch over its limit: docs/protocol.md.
const tooLarge Code = -32010

// String is the specification's text for the code, "code -32001" for others.
func (c Code) String() string {
	switch c {
	case ParseError:
		return "Parse error"
	case InvalidRequest:
		return "Invalid Request"
	case MethodNotFound:
		return "Method not found"
	case InvalidParams:
		return "Invalid params"
	case InternalError:
		return "Internal error"
	case tooLarge:
		return "Too large"
	}
	return "code " + strconv.Itoa(int(c))
}
