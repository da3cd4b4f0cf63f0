// Package transport serves the sessions of package actors to clients: WebSocket
// and HTTP, JSON-RPC, keys, limits and metrics.
//
// # One request
//
// The goroutine that reads a connection parses a message, decodes the params of
// each request, converts them (convert*.go, the one place where wire becomes
// domain), finds the session, and hands a pooled call to it with
// actors.Session.Send. It never waits for a session, so what was read first is
// sent first: commands of a session run in the order in which they were read,
// members of a batch in the order of the array. Whoever answers the call
// encodes the reply straight into the connection's buffer. Only what makes or
// gathers sessions (session.create, session.list) has a goroutine of its own.
//
// # Streams
//
// Output is pulled from the execution's log as the socket drains (stream.go):
// a client that does not read holds up its own programs and nothing else. The
// reply to an execute with stream follows execution.completed; the reply to an
// execution.attach precedes its first output. Over POST /rpc nothing can be
// pushed: stream is ignored there, and methods that would push are refused.
//
// # Answers
//
// Each request that is not a notification gets exactly one reply, whatever
// happens: a panic in a handler is a -32603 with an id that the log has too. No
// stack trace and no path of the server leaves it. errors.go is the one map
// from errors to codes.
//
// # Shutdown
//
// [Server.Shutdown] first says not ready and refuses creates, then ends the
// sessions, whose clients are told, then closes the connections with 1001, then
// the listener.
package transport
