package protocol

import "github.com/codebeaker/codebeaker/transport/jsonrpc"

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
