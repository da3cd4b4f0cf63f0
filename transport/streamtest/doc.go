// Package streamtest reads the output of executions as clients do that lose
// their connection at any byte, read slowly, stop reading, and come back; and
// checks that what they join is what the program wrote.
//
// It is a WebSocket client of its own over a bare connection, so that it sees
// the wire and not what a client package makes of it.
package streamtest
