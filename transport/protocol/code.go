package protocol

import "github.com/codebeaker/codebeaker/transport/jsonrpc"

// The codes of the application (docs/protocol.md).
const (
	SessionNotFound      jsonrpc.Code = -32001
	SessionClosed        jsonrpc.Code = -32002
	RuntimeUnavailable   jsonrpc.Code = -32003
	LanguageNotSupported jsonrpc.Code = -32004
	Busy                 jsonrpc.Code = -32005
	ExecutionNotFound    jsonrpc.Code = -32006
	Unauthorized         jsonrpc.Code = -32007
	RateLimited          jsonrpc.Code = -32008
	EnvironmentFailed    jsonrpc.Code = -32009
	TooLarge             jsonrpc.Code = -32010
	ShuttingDown         jsonrpc.Code = -32011
	NodeUnavailable      jsonrpc.Code = -32012
)

// ErrorFacts describes one code to clients.
type ErrorFacts struct {
	Code    jsonrpc.Code
	Name    string
	Summary string
	// Retry says whether the same call may succeed later: "no", "yes", or
	// "after" data.retryAfterMs.
	Retry string
}

var errorFacts = []ErrorFacts{
	{jsonrpc.ParseError, "ParseError", "the message is not JSON", "no"},
	{jsonrpc.InvalidRequest, "InvalidRequest", "it is JSON and no request", "no"},
	{jsonrpc.MethodNotFound, "MethodNotFound", "no such method", "no"},
	{jsonrpc.InvalidParams, "InvalidParams", "a member of params is wrong; data.member names it", "no"},
	{jsonrpc.InternalError, "InternalError", "a defect of the server; data.errorId is in its log", "no"},
	{SessionNotFound, "SessionNotFound", "unknown session, or another key's", "no"},
	{SessionClosed, "SessionClosed", "the session is closing or closed a moment ago", "no"},
	{RuntimeUnavailable, "RuntimeUnavailable", "the runtimeType is not available or does not serve the language; data.reason", "no"},
	{LanguageNotSupported, "LanguageNotSupported", "no such language, or no runtime here serves it; data.languages", "no"},
	{Busy, "Busy", "a limit is reached; data.limit names it", "after"},
	{ExecutionNotFound, "ExecutionNotFound", "unknown execution, or no longer kept", "no"},
	{Unauthorized, "Unauthorized", "a wrong or missing key, with HTTP 401", "no"},
	{RateLimited, "RateLimited", "over the rate of the key", "after"},
	{EnvironmentFailed, "EnvironmentFailed", "the environment could not be made; data.reason", "yes"},
	{TooLarge, "TooLarge", "a batch, a member or the answer is over a limit; data.limit, which for a batch and for an answer (maxMessageBytes) is its name, with data.maximum and data.count", "no"},
	{ShuttingDown, "ShuttingDown", "the server is draining", "yes"},
	{NodeUnavailable, "NodeUnavailable", "the node of the session cannot be reached; data.node", "yes"},
}

// Errors returns every code in the order of the documents. The caller must not
// change the slice.
func Errors() []ErrorFacts { return errorFacts }

// Facts returns what is known of a code, a zero value for an unknown one.
func Facts(code jsonrpc.Code) ErrorFacts {
	for _, f := range errorFacts {
		if f.Code == code {
			return f
		}
	}
	return ErrorFacts{}
}
