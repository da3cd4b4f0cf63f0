// Package sessions is the service that every door of the server uses: what can
// be done with sessions, in Go's types and in no protocol's. A door (JSON-RPC over
// WebSocket is one) turns its requests into calls of a [Service] and the results
// into its replies; limits, defaults, policy and the owner's rights hold below
// it, the same for all doors.
//
// There are two services: [Local], in the server itself, and that of package
// remote, which speaks to a server over the wire. Whatever is written against
// Service is tested with both.
//
// A Service belongs to one client: it sees the sessions of one key, and what was
// to end with the client ends when the service is closed.
package sessions
