package actors

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// guard wraps a session's mailbox so that every Call is answered exactly once.
// protoactor-go v0.0.0-20240822202345 loses calls in three places: what is
// queued when an actor stops is dropped without a dead letter; after a panic
// that stops the actor its mailbox stays suspended; and the call whose handler
// panicked is never answered.
type guard struct {
	actor.Mailbox
	actor.MessageInvoker
	hand    *hand
	log     *slog.Logger
	session string
}

// hand is what the guard shares with the session actor.
type hand struct {
	stopped atomic.Bool // set by the actor when it will answer no more
	call    *Call       // the call being handled; nil once answered or queued
}

// unbounded makes the mailboxes inside: its idle size is the smallest.
var unbounded = actor.UnboundedLockfree()

// guarded returns a mailbox producer for one actor.
func guarded(h *hand, log *slog.Logger, session string) actor.MailboxProducer {
	return func() actor.Mailbox { return &guard{Mailbox: unbounded(), hand: h, log: log, session: session} }
}

// RegisterHandlers puts the guard before the actor.
func (g *guard) RegisterHandlers(invoker actor.MessageInvoker, d actor.Dispatcher) {
	g.MessageInvoker = invoker
	g.Mailbox.RegisterHandlers(g, d)
}

// InvokeSystemMessage lets a mailbox that was suspended by a panic drain once
// the actor has stopped.
func (g *guard) InvokeSystemMessage(m any) {
	was := g.hand.stopped.Load()
	g.MessageInvoker.InvokeSystemMessage(m)
	if !was && g.hand.stopped.Load() {
		g.Mailbox.PostSystemMessage(&actor.ResumeMailbox{})
	}
}

// InvokeUserMessage answers what the actor cannot.
func (g *guard) InvokeUserMessage(m any) {
	call, isCall := m.(*Call)
	if isCall && g.hand.stopped.Load() {
		call.Caller.Reply(nil, ErrSessionClosed)
		return
	}
	g.hand.call = call
	defer g.recovered()
	g.MessageInvoker.InvokeUserMessage(m)
}

// recovered answers the call whose handler panicked, logs the stack, and
// panics again for the supervisor.
func (g *guard) recovered() {
	reason := recover()
	if reason == nil {
		return
	}
	g.log.Error("session actor panicked", "session", g.session, "panic", reason, "stack", string(debug.Stack()))
	if call := g.hand.call; call != nil {
		g.hand.call = nil
		call.Caller.Reply(nil, ErrInternal)
	}
	panic(reason)
}
