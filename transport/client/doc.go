// Package client speaks to a CodeBeaker server from Go.
//
//	c, err := client.Dial(ctx, "ws://127.0.0.1:5039/ws/jsonrpc", client.Options{})
//	defer c.Close()
//	s, err := c.Create(ctx, protocol.SessionCreate{Language: "python"})
//	r, err := c.Run(ctx, s.SessionID, client.Program("python3", "-c", "print(6 * 7)"))
//	fmt.Printf("%s", r.Stdout)
//
// [Client.Run] runs a program to its end; [Client.Start] gives an [Execution],
// whose output, input, signals and end are there while it runs;
// [Client.AttachExecution] gives one that was started elsewhere. [Client.Exec]
// makes any command, file commands too. [Client.Call] makes any call; the other
// methods are typed by the types of package protocol.
//
// # Errors
//
// A call that was refused is a [*RefusedError]; errors.Is tells the codes of
// the protocol apart: errors.Is(err, ErrSessionNotFound). A command that could
// not do its work is a result with Success false, as on the wire.
//
// # Connections that break
//
// A client connects again by itself, whatever ended the connection but
// [Client.Close]: at once, then with growing waits by [Redial]. It ends, and
// every call with [ErrClosed], when the server refuses the handshake for good
// (its key is wrong: [ErrUnauthorized]) or was not to be reached for
// Redial.GiveUp. It attaches the sessions that it had created or attached.
//
//   - A call that finds no connection waits for one, as long as its ctx allows.
//   - A call whose connection broke before the answer came is made again when it
//     does the same twice; [Client.Create] is, by its client token. Others
//     (execute, input, signal, methods unknown here) fail with
//     [ErrConnectionLost]: it is not known whether they had an effect.
//   - An [Execution] whose id is known is attached again at the chunk that is
//     due, so that its output is exactly what the program wrote, none of it
//     twice. What the server no longer had is a [*GapError] where it is missing.
//   - Notifications of sessions that were sent meanwhile are lost;
//     Options.OnReconnect says when to look.
//
// # Connections and pace
//
// A client has one connection for its calls and their notifications. A handler
// of Options that blocks holds it up. The output of each running execution
// comes over a connection of its own (those of completed ones are used again):
// a reader that takes its time holds back its own program, by
// Options.OutputBytes and the buffers of the socket, and nothing else, so that a
// loop over the output may make calls.
package client
