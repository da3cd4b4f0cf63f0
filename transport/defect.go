package transport

import (
	"fmt"
	"runtime/debug"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// internal logs a defect under a new id, which is all that the client learns.
func (s *Server) internal(message string, attributes ...any) *jsonrpc.Error {
	id := ulid.Make().String()
	s.log.Error(message, append(attributes, "errorId", id)...)
	return &jsonrpc.Error{
		Code:    jsonrpc.InternalError,
		Message: fmt.Sprintf("%s (error id %s)", jsonrpc.InternalError, id),
		Data:    internalData{id},
	}
}

// panicked is internal for a panic, called by the function that recovered it.
func (s *Server) panicked(method string, reason any) *jsonrpc.Error {
	return s.internal("handler panicked", "method", method, "panic", reason, "stack", string(debug.Stack()))
}
