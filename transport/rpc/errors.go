package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// auditRetry is what a client is told to wait while the audit log cannot be
// written.
const auditRetry = 5 * time.Second

// errNeedsConnection refuses what would have to push over POST /rpc.
var errNeedsConnection = errors.New("this method needs a WebSocket: over POST /rpc nothing can be sent later")

// errInFlight is the limit of calls of one connection that are not answered.
func errInFlight(limit int) error {
	return &actors.BusyError{Limit: "inFlight", Maximum: int64(limit), RetryAfter: 100 * time.Millisecond}
}

// The data of errors. Each code has one type.
type (
	reasonData struct {
		RuntimeType string `json:"runtimeType"`
		Reason      string `json:"reason"`
	}
	languagesData struct {
		Languages []string `json:"languages"`
		Reason    string   `json:"reason,omitempty"`
	}
	busyData struct {
		Limit        string `json:"limit"`
		Maximum      int64  `json:"maximum"`
		RetryAfterMs int64  `json:"retryAfterMs"`
	}
	rateData struct {
		Limit        string  `json:"limit"`
		Maximum      float64 `json:"maximum"`
		RetryAfterMs int64   `json:"retryAfterMs"`
	}
	policyData struct {
		Member string `json:"member"`
		Reason string `json:"reason"`
		Rule   string `json:"rule"`
	}
	tooLargeData struct {
		Limit  int64  `json:"limit"`
		Member string `json:"member,omitempty"`
	}
	internalData struct {
		ErrorID string `json:"errorId"`
	}
)

// errorOf is the one map from errors to codes. It returns nil for an error that
// is a defect of ours: the caller logs it and answers with an error id.
func errorOf(err error) *jsonrpc.Error {
	if e := jsonrpc.AsParamError(err); e != nil {
		return e.Reply()
	}
	if f := (*sessions.FieldError)(nil); errors.As(err, &f) {
		return paramError(wireName(f.Field)+f.Part, "%s", f.Reason).Reply()
	}
	if e := sentinelError(err); e != nil {
		return e
	}
	return typedError(err)
}

// sentinelError maps errors that carry nothing.
func sentinelError(err error) *jsonrpc.Error {
	for _, m := range []struct {
		is   error
		code jsonrpc.Code
	}{
		{actors.ErrSessionNotFound, protocol.SessionNotFound},
		{actors.ErrSessionClosed, protocol.SessionClosed},
		{actors.ErrExecutionNotFound, protocol.ExecutionNotFound},
		{actors.ErrShuttingDown, protocol.ShuttingDown},
		{errNeedsConnection, jsonrpc.InvalidRequest},
	} {
		if errors.Is(err, m.is) {
			return jsonrpc.Errorf(m.code, "%s", m.is)
		}
	}
	switch {
	case errors.Is(err, output.ErrBeyondEnd):
		return paramError("fromSeq", "is beyond the end of the output").Reply()
	case errors.Is(err, runtimes.ErrNoTerminal):
		return paramError("executionId", "has no terminal").Reply()
	case errors.Is(err, runtimes.ErrInputClosed):
		return paramError("executionId", "takes no input").Reply()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, new(*websocket.CloseError)):
		// Only a create waits for a context: its client has left, or the
		// server did not get it done.
		return environmentFailed("", "the environment was not ready in time: try again", err)
	}
	return nil
}

// typedError maps errors whose members become data.
func typedError(err error) *jsonrpc.Error {
	var (
		busy        *actors.BusyError
		rate        *sessions.RateError
		unrecorded  *sessions.AuditError
		forbidden   *sessions.PolicyError
		argument    *actors.ArgumentError
		unavailable *actors.UnavailableError
		language    *actors.LanguageError
		unknown     *sessions.UnknownLanguageError
		environment *runtimes.EnvironmentError
		large       *sessions.TooLargeError
	)
	switch {
	case errors.As(err, &busy):
		return withData(protocol.Busy, busy, busyData{busy.Limit, busy.Maximum, max(busy.RetryAfter.Milliseconds(), 1)})
	case errors.As(err, &rate):
		return withData(protocol.RateLimited, rate, rateData{rate.Limit, rate.Maximum, max(rate.RetryAfter.Milliseconds(), 1)})
	case errors.As(err, &forbidden):
		return withData(jsonrpc.InvalidParams, forbidden, policyData{"policy", forbidden.Reason, forbidden.Rule})
	case errors.As(err, &unrecorded):
		return withData(protocol.Busy, unrecorded, busyData{"auditLog", 0, auditRetry.Milliseconds()})
	case errors.As(err, &argument):
		e := paramError(argument.Member, "%s", argument.Reason).Reply()
		e.Message = jsonrpc.InvalidParams.String() + ": " + argument.Error()
		return e
	case errors.As(err, &unavailable):
		return withData(protocol.RuntimeUnavailable, unavailable, reasonData{unavailable.Runtime.String(), unavailable.Reason})
	case errors.As(err, &language):
		return withData(protocol.LanguageNotSupported, language, languagesData{languageNames(language.Served), language.Reason})
	case errors.As(err, &unknown):
		return withData(protocol.LanguageNotSupported, unknown, languagesData{Languages: languageNames(unknown.Served)})
	case errors.As(err, &environment):
		// Who made it has logged why it failed, with the session.
		return environmentFailed(environment.Runtime.String(), reasonOf(environment), nil)
	case errors.As(err, &large):
		return tooLargeReply(wireName(large.Field), large.Limit)
	}
	return nil
}

// tooLargeReply refuses what is over a size limit.
func tooLargeReply(member string, limit int64) *jsonrpc.Error {
	return &jsonrpc.Error{
		Code:    protocol.TooLarge,
		Message: fmt.Sprintf("%s is larger than %d bytes", member, limit),
		Data:    tooLargeData{limit, member},
	}
}

// wireNames are the members of params by the fields that errors name; the others
// have the same name in both.
var wireNames = map[sessions.Field]string{
	sessions.FieldSession:         "sessionId",
	sessions.FieldExecution:       "executionId",
	sessions.FieldIdleTimeout:     "idleTimeoutMinutes",
	sessions.FieldMaxLifetime:     "maxLifetimeMinutes",
	sessions.FieldMemory:          "memoryLimitMB",
	sessions.FieldProcesses:       "processLimit",
	sessions.FieldDisk:            "diskLimitMB",
	sessions.FieldImage:           "dockerImage",
	sessions.FieldAfter:           "cursor",
	sessions.FieldTimeout:         "timeoutMs",
	sessions.FieldFrom:            "fromSeq",
	sessions.FieldColumns:         "cols",
	sessions.FieldInput:           "data",
	sessions.FieldCommand:         "type",
	sessions.FieldName:            "command.commandName",
	sessions.FieldDir:             "command.workingDirectory",
	sessions.FieldTerminal:        "command.pty",
	sessions.FieldTerminalColumns: "command.pty.cols",
	sessions.FieldTerminalRows:    "command.pty.rows",
	sessions.FieldCommandMemory:   "command.limits.memoryMB",
	sessions.FieldCommandCPU:      "command.limits.cpuMs",
	sessions.FieldCommandOutput:   "command.limits.outputBytes",
	sessions.FieldCommandStack:    "command.limits.stackMB",
}

// FieldOf is the field that a member of params is, and what part of it.
func FieldOf(member string) (f sessions.Field, part string) {
	for _, known := range sessions.Fields() {
		rest, ok := strings.CutPrefix(member, wireName(known))
		if ok && len(known) > len(f) && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			f, part = known, rest
		}
	}
	if f == "" {
		return sessions.Field(member), ""
	}
	return f, part
}

func wireName(f sessions.Field) string {
	if name, ok := wireNames[f]; ok {
		return name
	}
	return string(f)
}

func withData(code jsonrpc.Code, err error, data any) *jsonrpc.Error {
	return &jsonrpc.Error{Code: code, Message: err.Error(), Data: data}
}

// environmentFailed says what the client can do; the cause, if it is still to be
// logged, may hold paths of the server and stays in the log.
func environmentFailed(runtime, reason string, cause error) *jsonrpc.Error {
	return &jsonrpc.Error{
		Code:    protocol.EnvironmentFailed,
		Message: "the environment could not be made: " + reason,
		Data:    reasonData{runtime, reason},
		Cause:   cause,
	}
}

func reasonOf(e *runtimes.EnvironmentError) string {
	if e.Reason != "" {
		return e.Reason
	}
	return "it failed at the step \"" + e.Step + "\": try again; the server's log has the error of that step"
}

func paramError(member, format string, args ...any) *jsonrpc.ParamError {
	return &jsonrpc.ParamError{Member: member, Reason: fmt.Sprintf(format, args...)}
}

func rangeError[T int64 | float64](member string, least, most T) error {
	return paramError(member, "must be from %v to %v", least, most)
}

func languageNames(languages []runtimes.Language) []string {
	names := make([]string, 0, len(languages))
	for _, l := range languages {
		names = append(names, l.String())
	}
	return names
}

// internal logs a defect under a new id, which is all that the client learns.
func (d *Door) internal(message string, attributes ...any) *jsonrpc.Error {
	id := ulid.Make().String()
	d.log.Error(message, append(attributes, "errorId", id)...)
	return &jsonrpc.Error{
		Code:    jsonrpc.InternalError,
		Message: fmt.Sprintf("%s (error id %s)", jsonrpc.InternalError, id),
		Data:    internalData{id},
	}
}

// panicked is internal for a panic, called by the function that recovered it.
func (d *Door) panicked(method string, reason any) *jsonrpc.Error {
	return d.internal("handler panicked", "method", method, "panic", reason, "stack", string(debug.Stack()))
}

// failure is the error of a reply. A defect of ours is logged and gets an id.
func (d *Door) failure(method string, err error) *jsonrpc.Error {
	if e := errorOf(err); e != nil {
		e.Message = shortened(e.Message)
		if e.Cause != nil {
			d.log.Warn("call failed", "method", method, "code", int(e.Code), "error", e.Cause)
		}
		return e
	}
	return d.internal("call failed", "method", method, "error", err)
}
