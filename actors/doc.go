// Package actors runs sessions as actors. It is the only user of
// protoactor-go.
//
//	directory            admission, selection, id -> session, list, drain
//	pools                which pool may make an environment ready, and when
//	  pool/<key>         the environments of one runtime, language and image that
//	                     are ready, with a warm kernel in each; see [PoolOptions]
//	session/<id>         state machine, command queue, executions, timers
//	  environment        owns one runtimes.Environment; is replaced when lost
//
// The directory resolves, it does not relay: [System.Create] and
// [System.Lookup] return a [Session], and every later call goes straight to
// that session's mailbox with [Session.Send].
//
// # Guarantees
//
// Every [Call] is answered exactly once, whatever the session does: it
// answers, it panics, it stops, or it had stopped before. Commands of one
// session run one at a time in the order in which Send was called; calls that
// are not foreground commands overtake them. No Receive blocks: what is slow
// runs in a goroutine and comes back as a message. Output never passes through
// a mailbox; it goes from the runtime into the execution's output.Log, and
// readers pull it from there.
//
// An environment of a pool is given to one session and is never the pool's again,
// unless it could not be assigned and is as it was. A pool that fails costs what it
// had ready, and no session.
//
// A panic in a session ends that session only: its calls are answered with
// ErrInternal, its environment and workspace are removed.
package actors
