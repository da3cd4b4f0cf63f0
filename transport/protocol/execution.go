package protocol

import (
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// Execute is the params of session.execute.
type Execute struct {
	SessionID        string      `json:"sessionId" rpc:"required" doc:"id of the session"`
	Command          jsonrpc.Raw `json:"command" rpc:"required,command" doc:"what to do"`
	Stream           bool        `json:"stream,omitempty" default:"false" doc:"send execution.started, output and completed before the reply"`
	Background       bool        `json:"background,omitempty" default:"false" doc:"start at once, reply once started, let it live on"`
	KillOnDisconnect bool        `json:"killOnDisconnect,omitempty" default:"false" doc:"end it when this connection ends"`
	TimeoutMs        *int64      `json:"timeoutMs,omitempty" min:"1" doc:"time from its start to its end; 60000 when absent, none for background and pty"`
}

// ExecuteResult is the result of session.execute. A command that could not do
// its work has Success false, Error and ErrorCode.
type ExecuteResult struct {
	Success     bool    `json:"success" doc:"the command did its work"`
	Result      any     `json:"result" rpc:"commandResult" doc:"depends on the type of the command; null when it failed or runs in the background"`
	Error       *string `json:"error" doc:"a sentence; null on success"`
	ErrorCode   string  `json:"errorCode,omitempty" doc:"NotFound, AlreadyExists, NotADirectory, IsADirectory, DirectoryNotEmpty, PathOutsideWorkspace, NotRegularFile, PermissionDenied, NoSpace, TooLarge, InvalidEncoding, or the status of a program"`
	DurationMs  int64   `json:"durationMs" doc:"from its start to its end"`
	ExecutionID string  `json:"executionId" doc:"id of the execution"`
	State       string  `json:"state,omitempty" doc:"Running, with background"`
}

// ExecutionRef is the params of methods that need nothing but an execution.
type ExecutionRef struct {
	SessionID   string `json:"sessionId" rpc:"required" doc:"id of the session"`
	ExecutionID string `json:"executionId" rpc:"required" doc:"id of the execution"`
}

// ExecutionList is the params of execution.list.
type ExecutionList struct {
	SessionID string  `json:"sessionId" rpc:"required" doc:"id of the session"`
	Limit     *int64  `json:"limit,omitempty" min:"1" max:"2000" doc:"executions in one answer; as many as fit when absent"`
	Cursor    *string `json:"cursor,omitempty" doc:"nextCursor of the answer before"`
}

// ExecutionAttach is the params of execution.attach.
type ExecutionAttach struct {
	SessionID   string `json:"sessionId" rpc:"required" doc:"id of the session"`
	ExecutionID string `json:"executionId" rpc:"required" doc:"id of the execution"`
	FromSeq     *int64 `json:"fromSeq,omitempty" min:"0" doc:"first chunk to send; the oldest kept when absent"`
}

// ExecutionWait is the params of execution.wait.
type ExecutionWait struct {
	SessionID   string `json:"sessionId" rpc:"required" doc:"id of the session"`
	ExecutionID string `json:"executionId" rpc:"required" doc:"id of the execution"`
	TimeoutMs   *int64 `json:"timeoutMs,omitempty" min:"0" doc:"how long to wait; for ever when absent"`
}

// ExecutionInput is the params of execution.input.
type ExecutionInput struct {
	SessionID   string   `json:"sessionId" rpc:"required" doc:"id of the session"`
	ExecutionID string   `json:"executionId" rpc:"required" doc:"id of the execution"`
	Data        string   `json:"data,omitempty" doc:"bytes for its standard input or terminal"`
	Encoding    Encoding `json:"encoding,omitempty" default:"\"utf8\"" doc:"encoding of data"`
	EOF         bool     `json:"eof,omitempty" doc:"close the input behind data"`
}

// ExecutionSignal is the params of execution.signal.
type ExecutionSignal struct {
	SessionID   string `json:"sessionId" rpc:"required" doc:"id of the session"`
	ExecutionID string `json:"executionId" rpc:"required" doc:"id of the execution"`
	Signal      string `json:"signal" rpc:"required" doc:"name of the signal: SIGINT; SIGKILL ends the whole tree"`
}

// ExecutionResize is the params of execution.resize.
type ExecutionResize struct {
	SessionID   string `json:"sessionId" rpc:"required" doc:"id of the session"`
	ExecutionID string `json:"executionId" rpc:"required" doc:"id of the execution"`
	Cols        *int64 `json:"cols,omitempty" rpc:"required" min:"1" max:"1000" doc:"width in characters"`
	Rows        *int64 `json:"rows,omitempty" rpc:"required" min:"1" max:"1000" doc:"height in characters"`
}

// ExecutionPage is the result of execution.list.
type ExecutionPage struct {
	Executions []Execution `json:"executions" doc:"those kept, oldest first"`
	NextCursor string      `json:"nextCursor,omitempty" doc:"cursor of the next answer; absent behind the last"`
}

// Execution describes an execution without its content.
type Execution struct {
	ExecutionID string `json:"executionId" doc:"id of the execution"`
	State       string `json:"state" doc:"Queued, Running or Completed"`
	Type        string `json:"type" doc:"type of its command"`
	CommandName string `json:"commandName,omitempty" doc:"program of an execute_shell"`
	StartedAt   string `json:"startedAt,omitempty" doc:"RFC 3339, UTC; absent while queued"`
	Background  bool   `json:"background" doc:"it was started with background"`
	FirstSeq    int64  `json:"firstSeq" doc:"oldest chunk kept"`
	NextSeq     int64  `json:"nextSeq" doc:"number of the next chunk"`
}

// ExecutionSnapshot is the result of execution.attach.
type ExecutionSnapshot struct {
	State        string       `json:"state" doc:"Queued, Running or Completed"`
	FirstSeq     int64        `json:"firstSeq" doc:"oldest chunk kept"`
	NextSeq      int64        `json:"nextSeq" doc:"number of the next chunk"`
	DroppedBytes DroppedBytes `json:"droppedBytes" doc:"dropped since the start"`
}

// DroppedBytes counts what is no longer kept of each stream.
type DroppedBytes struct {
	Stdout int64 `json:"stdout" doc:"bytes of the standard output"`
	Stderr int64 `json:"stderr" doc:"bytes of the standard error"`
	PTY    int64 `json:"pty" doc:"bytes of the terminal"`
}

// ExecutionWaited is the result of execution.wait.
type ExecutionWaited struct {
	State  string         `json:"state" doc:"Queued, Running or Completed"`
	Result *ExecuteResult `json:"result,omitempty" doc:"once completed"`
}

// InputAccepted is the result of execution.input.
type InputAccepted struct {
	AcceptedBytes int `json:"acceptedBytes" doc:"less than sent means the buffer of 64 KiB is full: send the rest later"`
}

// SignalDelivered is the result of execution.signal.
type SignalDelivered struct {
	Delivered bool `json:"delivered" doc:"false when the execution had ended"`
}

// ContextRef is the params of methods about one context.
type ContextRef struct {
	SessionID string `json:"sessionId" rpc:"required" doc:"id of the session"`
	Context   string `json:"context" rpc:"required" doc:"name of the context"`
}

// ContextList is the result of code.contexts.
type ContextList struct {
	Contexts []CodeContext `json:"contexts" doc:"in the order of their making"`
}

// CodeContext is one context.
type CodeContext struct {
	Context  string `json:"context" doc:"its name"`
	Language string `json:"language" doc:"language of its first cell"`
	State    string `json:"state" doc:"Idle, Busy or Stopped: the next cell begins anew"`
}
