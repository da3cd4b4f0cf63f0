// Package websocket is RFC 6455 for many connections that are mostly idle: the
// server's side and the client's, on the low-level functions of gobwas/ws. It
// knows nothing of what the messages mean.
//
//	hub := websocket.NewHub(websocket.Options{})
//	c, err := hub.Upgrade(w, r, websocket.UpgradeOptions{}) // or Dial
//	c.Start(handler)                                        // and return
//
// # Goroutines
//
// Each connection has one goroutine that reads, from Start on. It decodes,
// answers pings and calls the [Handler]; a handler that takes long slows its
// client down and nobody else. A second goroutine, the flusher, exists only
// while something is to be written; at most one, so that frames never mix. One
// sweeper pings all connections of a [Hub]. On Linux a connection that waits
// holds no buffer: it is parked in the netpoller and takes one when bytes are
// there. TLS, net.Pipe and other systems hold 4 KiB while they wait. When no
// message came between the answers to two pings, a new goroutine takes over from
// the one that reads, whose stack has grown.
//
// # Two ways out
//
// Replies are pushed: [Conn.Reply] encodes a message into the queue of the
// connection, and many go out with one write. The queue is bounded in bytes; a
// client that lets it grow beyond is closed with 1013.
//
// Output is pulled: whoever has a stream of messages is a [Source], attached to
// a connection as a [Feed]. It keeps its messages, calls [Feed.Wake] when there
// are some, and is asked for a batch of them when the socket has drained. So
// nothing is held for a slow client but its place in the stream, and the pace of
// the client becomes the pace of who writes.
//
// # Order
//
// Reply and Pull run under one lock, and the wire has the order of that lock:
//
//   - Messages of one source keep the source's order.
//   - What Reply queued before a source made a message ready comes before that
//     message: the reply to a create precedes every notification of the session.
//   - What Reply queues after a message was pulled comes after it.
//   - Between a message that is ready but not pulled yet and a reply that is
//     queued meanwhile, the reply comes first: replies overtake output.
//   - After Detach returned, whatever Reply queues comes after all that the feed
//     has sent.
//
// So what must come behind output is sent by the output's own source: its
// Pull appends the notification that the execution completed behind the last
// chunk, and the reply to a call with stream:true behind that. It is one more
// message of the source, not a call of Reply. Feeds that are awake take turns.
//
// # Locks
//
// encode functions and Pull run under the connection's lock. They are quick and
// call nothing of the connection, Feed.Wake excepted. Feed.Wake takes no lock
// that anything else is called under, so it may be called with any lock held,
// that of the source too. Reply, CloseWith and Attach are not called with a lock
// held that a Pull takes.
//
// # Slow clients
//
// A write goes on as long as some bytes go through within StallTimeout. After a
// stall OnClose comes at once, with 1013 "slow consumer", and no source is
// pulled any more; the frame that is half out and the close frame are offered
// until CloseTimeout, for the client that comes back. With TLS a write that
// times out breaks the connection: progress is a record of 16 KiB within
// StallTimeout, and a stalled client finds no close frame.
//
// # Closing
//
// OnClose is the last call of a handler and comes once, whoever closed: the peer
// (Remote, with its code, 1005 without one), CloseWith, Shutdown (1001, the
// cause is [ErrShutdown]), a breach of the protocol (1002, 1007, 1009), a limit
// of ours (1008, 1013), a panic in a handler or source (1011), a connection that
// broke (1006). No Pull runs after it has begun. What was queued before a close
// goes out before the close frame, unless the client was too slow for it.
//
// # Not here
//
// Origin, Host and keys are checked before Upgrade, connections per address and
// slow handshakes limited by the server in front. Compression is declined: it
// costs more than it saves here.
package websocket
