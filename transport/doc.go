// Package transport serves the sessions of package sessions at an address: HTTP,
// keys, the guard against other sites, health and metrics. What is spoken there
// are doors, each a package of its own; package rpc has the one for JSON-RPC.
//
// # Shutdown
//
// [Server.Shutdown] first says not ready and refuses creates, then ends the
// sessions, whose clients are told, then shuts the doors, then the listener.
package transport
