package protocol

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
	{NotifyCompleted, "The execution has ended; behind all output.", ExecutionCompleted{}},
	{NotifyStateChanged, "The session has another state.", SessionStateChanged{}},
	{NotifyExpiring, "The session will end in a minute.", SessionExpiring{}},
	{NotifyClosed, "The session has ended; the last one of a session.", SessionEnded{}},
}

// Notifications returns every notification. The caller must not change the
// slice.
func Notifications() []Notification { return notifications }
