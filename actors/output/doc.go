// Package output keeps what an execution writes and lets any number of
// readers pull it at their own pace.
//
// A [Log] holds the last bytes of an execution in a bounded ring of chunks,
// the first and the last bytes of each stream for the result, and the
// execution's state. A [Subscription] is one reader's place in it. Readers
// pull: the log tells them that there is something new and they take it when
// their socket has room.
//
// # Pace
//
// As long as a subscription is behind, nothing that it still needs is dropped;
// once the ring is full the program is not granted more of its window, so it
// waits as it would for a terminal. Without a subscription the oldest chunks
// are dropped and counted. A subscriber that makes no progress is closed by
// its owner (the connection), not here.
package output
