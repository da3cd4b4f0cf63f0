package protocol

import (
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// Method is one row of the method table.
type Method struct {
	Name    string
	Summary string
	// Errors are the application's codes it may answer with, besides Busy,
	// RateLimited and those of JSON-RPC.
	Errors []jsonrpc.Code
	// NeedsConnection: it makes no sense over POST /rpc, where nothing can be
	// pushed.
	NeedsConnection bool

	params any // zero value of the Go type, nil for none
	result any // nil: any object
}

// The names of methods.
const (
	MethodInitialize      = "initialize"
	MethodDiscover        = "rpc.discover"
	MethodLanguageList    = "language.list"
	MethodRuntimeList     = "runtime.list"
	MethodSessionCreate   = "session.create"
	MethodSessionGet      = "session.get"
	MethodSessionList     = "session.list"
	MethodSessionExecute  = "session.execute"
	MethodSessionAttach   = "session.attach"
	MethodSessionDetach   = "session.detach"
	MethodSessionExtend   = "session.extend"
	MethodSessionClose    = "session.close"
	MethodExecutionList   = "execution.list"
	MethodExecutionAttach = "execution.attach"
	MethodExecutionDetach = "execution.detach"
	MethodExecutionWait   = "execution.wait"
	MethodExecutionInput  = "execution.input"
	MethodExecutionSignal = "execution.signal"
	MethodExecutionResize = "execution.resize"
	MethodCodeContexts    = "code.contexts"
	MethodCodeRestart     = "code.restart"
	MethodCodeRemove      = "code.remove"
	MethodKeyUsage        = "key.usage"
)

var (
	ofSession   = []jsonrpc.Code{SessionNotFound, SessionClosed, NodeUnavailable}
	ofExecution = []jsonrpc.Code{SessionNotFound, SessionClosed, ExecutionNotFound, NodeUnavailable}
	ofCreate    = []jsonrpc.Code{RuntimeUnavailable, LanguageNotSupported, EnvironmentFailed, ShuttingDown}
	ofExecute   = []jsonrpc.Code{SessionNotFound, SessionClosed, TooLarge, NodeUnavailable}
	ofInput     = []jsonrpc.Code{SessionNotFound, SessionClosed, ExecutionNotFound, TooLarge, NodeUnavailable}
)

var methods = []Method{
	{Name: MethodInitialize, params: Initialize{}, result: Initialized{},
		Summary: "Says who the server is and what its limits are; no handshake is enforced."},
	{Name: MethodDiscover,
		Summary: "Returns the OpenRPC document of this server."},
	{Name: MethodLanguageList, result: LanguageList{},
		Summary: "Lists the languages and the runtimes that serve them now."},
	{Name: MethodRuntimeList, result: RuntimeList{},
		Summary: "Lists the runtimes and what each offers now, or why it does not."},
	{Name: MethodSessionCreate, params: SessionCreate{}, result: Session{}, Errors: ofCreate,
		Summary: "Creates a session and its environment."},
	{Name: MethodSessionGet, params: SessionRef{}, result: SessionDetail{}, Errors: ofSession,
		Summary: "Returns a session."},
	{Name: MethodSessionList, params: SessionList{}, result: SessionPage{},
		Summary: "Lists the sessions of the key; to one with the role admin, of all keys."},
	{Name: MethodSessionExecute, params: Execute{}, result: ExecuteResult{}, Errors: ofExecute,
		Summary: "Runs a command; those of one session run one at a time in the order in which they came, except with background."},
	{Name: MethodSessionAttach, params: SessionRef{}, result: Session{}, Errors: ofSession, NeedsConnection: true,
		Summary: "Makes this connection receive the session's notifications."},
	{Name: MethodSessionDetach, params: SessionRef{}, result: Empty{}, Errors: ofSession, NeedsConnection: true,
		Summary: "Makes this connection no longer receive the session's notifications."},
	{Name: MethodSessionExtend, params: SessionExtend{}, result: Session{}, Errors: ofSession,
		Summary: "Replaces the idle timeout or the lifetime of a session."},
	{Name: MethodSessionClose, params: SessionRef{}, result: SessionGone{}, Errors: []jsonrpc.Code{NodeUnavailable},
		Summary: "Ends a session and removes all of it; an unknown one gets the same answer."},
	{Name: MethodExecutionList, params: ExecutionList{}, result: ExecutionPage{}, Errors: ofSession,
		Summary: "Lists the executions of a session that are kept, without their content."},
	{Name: MethodExecutionAttach, params: ExecutionAttach{}, result: ExecutionSnapshot{}, Errors: ofExecution, NeedsConnection: true,
		Summary: "Sends the output of an execution to this connection, from a chunk on; attaching again replaces."},
	{Name: MethodExecutionDetach, params: ExecutionRef{}, result: Empty{}, Errors: ofSession, NeedsConnection: true,
		Summary: "Stops sending the output of an execution to this connection; the execution runs on."},
	{Name: MethodExecutionWait, params: ExecutionWait{}, result: ExecutionWaited{}, Errors: ofExecution,
		Summary: "Waits until an execution has completed."},
	{Name: MethodExecutionInput, params: ExecutionInput{}, result: InputAccepted{}, Errors: ofInput,
		Summary: "Feeds a running execution."},
	{Name: MethodExecutionSignal, params: ExecutionSignal{}, result: SignalDelivered{}, Errors: ofExecution,
		Summary: "Signals an execution; one that is queued is cancelled."},
	{Name: MethodExecutionResize, params: ExecutionResize{}, result: Empty{}, Errors: ofExecution,
		Summary: "Changes the size of an execution's terminal."},
	{Name: MethodCodeContexts, params: SessionRef{}, result: ContextList{}, Errors: ofSession,
		Summary: "Lists the contexts of a session, in which execute_code keeps its variables."},
	{Name: MethodCodeRestart, params: ContextRef{}, result: Empty{}, Errors: ofSession,
		Summary: "Begins a context anew: its variables are gone, and a cell that runs in it is ended."},
	{Name: MethodCodeRemove, params: ContextRef{}, result: Empty{}, Errors: ofSession,
		Summary: "Removes a context; a cell that runs in it is ended."},
	{Name: MethodKeyUsage, result: KeyUsage{},
		Summary: "Tells what the key, or the address without one, uses now and what it may."},
}

// Methods returns every method in the order of the documents. The caller must
// not change the slice.
func Methods() []Method { return methods }

// ExecutionStarted is the params of execution.started.
type ExecutionStarted struct {
	SessionID   string `json:"sessionId" doc:"id of the session"`
	ExecutionID string `json:"executionId" doc:"id of the execution"`
}

// ExecutionOutput is the params of execution.output.
type ExecutionOutput struct {
	SessionID   string   `json:"sessionId" doc:"id of the session"`
	ExecutionID string   `json:"executionId" doc:"id of the execution"`
	Stream      string   `json:"stream" doc:"stdout, stderr or pty"`
	Seq         int64    `json:"seq" doc:"number of the chunk, from 0"`
	Offset      int64    `json:"offset" doc:"bytes of that stream before it"`
	Data        string   `json:"data" doc:"what the program wrote"`
	Encoding    Encoding `json:"encoding,omitempty" doc:"base64 when data is not UTF-8, or its escapes would more than double it"`
}

// ExecutionDisplay is the params of execution.display.
type ExecutionDisplay struct {
	SessionID   string  `json:"sessionId" doc:"id of the session"`
	ExecutionID string  `json:"executionId" doc:"id of the execution"`
	Seq         int64   `json:"seq" doc:"its number among the chunks, from 0"`
	Display     Display `json:"display" doc:"what was shown"`
}

// ExecutionCompleted is the params of execution.completed.
type ExecutionCompleted struct {
	SessionID   string        `json:"sessionId" doc:"id of the session"`
	ExecutionID string        `json:"executionId" doc:"id of the execution"`
	Result      ExecuteResult `json:"result" doc:"result object of session.execute"`
}

// SessionStateChanged is the params of session.stateChanged.
type SessionStateChanged struct {
	SessionID string `json:"sessionId" doc:"id of the session"`
	State     string `json:"state" doc:"new state"`
	Reason    string `json:"reason" doc:"command, environmentLost, recovered or closing"`
}

// SessionExpiring is the params of session.expiring.
type SessionExpiring struct {
	SessionID string `json:"sessionId" doc:"id of the session"`
	InSeconds int64  `json:"inSeconds" doc:"how soon"`
	Reason    string `json:"reason" doc:"idleTimeout or maxLifetime"`
}

// SessionEnded is the params of session.closed.
type SessionEnded struct {
	SessionID string `json:"sessionId" doc:"id of the session"`
	Reason    string `json:"reason" doc:"client, idleTimeout, maxLifetime, disconnect, shutdown, environmentLost or limit"`
}

// The names of notifications.
const (
	NotifyStarted      = "execution.started"
	NotifyOutput       = "execution.output"
	NotifyDisplay      = "execution.display"
	NotifyCompleted    = "execution.completed"
	NotifyStateChanged = "session.stateChanged"
	NotifyExpiring     = "session.expiring"
	NotifyClosed       = "session.closed"
)

// Notification describes one that the server sends.
type Notification struct {
	Name    string
	Summary string
	params  any
}

var notifications = []Notification{
	{NotifyStarted, "The program runs; before any output.", ExecutionStarted{}},
	{NotifyOutput, "A chunk of output.", ExecutionOutput{}},
	{NotifyDisplay, "Code has shown something; in its place among the output.", ExecutionDisplay{}},
	{NotifyCompleted, "The execution has ended; behind all output.", ExecutionCompleted{}},
	{NotifyStateChanged, "The session has another state.", SessionStateChanged{}},
	{NotifyExpiring, "The session will end in a minute.", SessionExpiring{}},
	{NotifyClosed, "The session has ended; the last one of a session.", SessionEnded{}},
}

// Notifications returns every notification. The caller must not change the
// slice.
func Notifications() []Notification { return notifications }
