// Package client speaks to a CodeBeaker server from Go.
//
//	c, err := client.Dial(ctx, "ws://127.0.0.1:5039/ws/jsonrpc", client.Options{})
//	s, err := c.Create(ctx, protocol.SessionCreate{Language: "python"})
//	r, err := c.Exec(ctx, s.SessionID, &protocol.ExecuteShell{CommandName: &name})
//
// [Client.Call] makes any call; the other methods are typed by the types of
// package protocol. A call that was refused is an error in whose chain is a
// *[jsonrpc.Error]; [IsCode] asks for its code. A command that could not do its work is a
// result with Success false, as on the wire.
//
// Notifications that belong to a stream the client follows go to that stream;
// the others go to Options.OnNotification. One goroutine reads the connection
// and delivers them in order: a handler that blocks holds up the client.
//
// A client whose connection has ended is of no use any more: every call fails
// with an error in whose chain is [ErrClosed].
package client
