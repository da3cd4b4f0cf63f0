package actors

import "github.com/codebeaker/codebeaker/actors/output"

// Call is one request on its way to a session. It belongs to the session from
// Session.Send until Caller.Reply, after which it may be used again.
type Call struct {
	// Request is a pointer to one of the request types of this package:
	// *Execute, *GetInfo, *Extend, *Attach, *Detach, *Disconnected, *Close,
	// *ListExecutions, *OpenExecution, *WaitExecution, *Input, *SendSignal,
	// *Resize.
	Request any
	Caller  Caller
}

// IgnoreDeadLetterLogging keeps requests and their contents out of the log of
// protoactor-go.
func (*Call) IgnoreDeadLetterLogging() {}

// Caller receives the answer of a call.
type Caller interface {
	// Reply answers the call. It is called exactly once, from any goroutine,
	// and must not block. result is what the request type documents; err is
	// one of the errors of this package.
	Reply(result any, err error)
}

// Follower is a Caller that reads the output of the command it sent.
type Follower interface {
	// Follow is called at most once, before Reply and before the program
	// starts, when an Execute with Stream has been accepted. It must not
	// block; it usually subscribes to the log.
	Follow(log *output.Log)
}
