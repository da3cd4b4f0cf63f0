package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

var (
	// ErrClosed is the error of a client that has ended: by Close, because the
	// server refuses it, or because it gave up to connect again.
	ErrClosed = errors.New("the client is closed")
	// ErrConnectionLost is the error of a call whose connection broke before
	// the answer came: it is not known whether it had an effect.
	ErrConnectionLost = errors.New("the connection was lost before the answer came; it is not known whether the call had its effect")
	// ErrInputClosed is the error of a Write to an execution that takes no more
	// input: its end was sent, or it has completed.
	ErrInputClosed = errors.New("the execution takes no more input")

	// ErrDetached is the end of an Execution whose Detach was called.
	ErrDetached = errors.New("detached from the execution, which runs on")

	// errUnsent: the connection had ended before the call was sent.
	errUnsent = errors.New("not sent")
)

// The codes of the protocol as errors, for errors.Is.
var (
	ErrParse                error = refusal(jsonrpc.ParseError)
	ErrInvalidRequest       error = refusal(jsonrpc.InvalidRequest)
	ErrMethodNotFound       error = refusal(jsonrpc.MethodNotFound)
	ErrInvalidParams        error = refusal(jsonrpc.InvalidParams)
	ErrInternal             error = refusal(jsonrpc.InternalError)
	ErrSessionNotFound      error = refusal(protocol.SessionNotFound)
	ErrSessionClosed        error = refusal(protocol.SessionClosed)
	ErrRuntimeUnavailable   error = refusal(protocol.RuntimeUnavailable)
	ErrLanguageNotSupported error = refusal(protocol.LanguageNotSupported)
	ErrBusy                 error = refusal(protocol.Busy)
	ErrExecutionNotFound    error = refusal(protocol.ExecutionNotFound)
	ErrUnauthorized         error = refusal(protocol.Unauthorized) // a handshake with HTTP 401, too
	ErrRateLimited          error = refusal(protocol.RateLimited)
	ErrEnvironmentFailed    error = refusal(protocol.EnvironmentFailed)
	ErrTooLarge             error = refusal(protocol.TooLarge)
	ErrShuttingDown         error = refusal(protocol.ShuttingDown)
	ErrNodeUnavailable      error = refusal(protocol.NodeUnavailable)
)

// refusal is a code as an error.
type refusal jsonrpc.Code

// Error is what is known of the code.
func (r refusal) Error() string { return protocol.Facts(jsonrpc.Code(r)).Summary }

// RefusedError is the server's refusal of a call. errors.Is tells its code:
// errors.Is(err, ErrBusy).
type RefusedError struct {
	Method string
	Reply  *jsonrpc.Error // its Data is a jsonrpc.Raw, or nil
}

// Error names the method, the sentence of the server and the code.
func (e *RefusedError) Error() string { return e.Method + ": " + e.Reply.Error() }

// Unwrap returns the error of the reply.
func (e *RefusedError) Unwrap() error { return e.Reply }

// Is reports whether target stands for the code.
func (e *RefusedError) Is(target error) bool {
	r, ok := target.(refusal)
	return ok && jsonrpc.Code(r) == e.Reply.Code
}

// RetryAfter is how long the server asks to wait, zero when it says nothing.
func (e *RefusedError) RetryAfter() time.Duration {
	var data struct {
		RetryAfterMs int64 `json:"retryAfterMs"`
	}
	if raw, ok := e.Reply.Data.(jsonrpc.Raw); !ok || json.Unmarshal(raw, &data) != nil {
		return 0
	}
	return time.Duration(data.RetryAfterMs) * time.Millisecond
}

// IsCode reports whether the server refused a call with that code.
func IsCode(err error, code jsonrpc.Code) bool {
	var e *jsonrpc.Error
	return errors.As(err, &e) && e.Code == code
}

// GapError says which output of an execution was dropped before it could be
// read, because nobody read it in time. What follows is complete again.
type GapError struct {
	ExecutionID string
	// Chunks is how many chunks are missing here.
	Chunks int64
	// Missing are their bytes, exactly; zero where they are not known, because
	// the execution was attached in the middle.
	Missing protocol.DroppedBytes
}

// Error counts the bytes.
func (e *GapError) Error() string {
	return fmt.Sprintf("output was dropped because nobody read it in time: %d bytes of stdout, %d of stderr, %d of the terminal",
		e.Missing.Stdout, e.Missing.Stderr, e.Missing.PTY)
}

// dialError is why a server could not be reached.
func dialError(url string, err error) error {
	if h := (*websocket.HandshakeError)(nil); errors.As(err, &h) && h.Status == http.StatusUnauthorized {
		return fmt.Errorf("dial %s: %w: %w", url, ErrUnauthorized, err)
	}
	return fmt.Errorf("dial %s: %w", url, err)
}

// permanent reports whether another attempt to connect would end the same way.
func permanent(err error) bool {
	var h *websocket.HandshakeError
	if !errors.As(err, &h) || h.Status < 400 || h.Status >= 500 {
		return false
	}
	return h.Status != http.StatusRequestTimeout && h.Status != http.StatusTooEarly && h.Status != http.StatusTooManyRequests
}

// lost is ErrConnectionLost with the end of the connection.
func lost(cause error) error { return fmt.Errorf("%w: %w", ErrConnectionLost, cause) }
