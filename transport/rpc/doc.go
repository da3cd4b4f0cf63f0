// Package rpc is the door for JSON-RPC 2.0, over WebSocket and HTTP: see
// docs/protocol.md.
//
// # One request
//
// The goroutine that reads a connection parses a message, decodes the params of
// each request, converts them (convert*.go, the one place where wire becomes
// domain) and calls the client's service. Most methods are functions of their
// params to their result. What runs commands does not wait: it hands a pooled call
// to the session, and whoever answers it encodes the reply straight into the
// connection's buffer. So what was read first is sent first: commands of a session
// run in the order in which they were read, members of a batch in the order of
// the array. Only what takes its time (session.create, session.list) has
// a goroutine of its own.
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
package rpc
