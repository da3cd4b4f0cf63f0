package actors

import (
	"runtime/debug"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// guard is a session's mailbox, which sees to it that every Call is answered
// exactly once. protoactor-go v0.0.0-20240822202345 loses calls in three places:
// what is queued when an actor stops is dropped without a dead letter; after a
// panic that stops the actor its mailbox stays suspended; and the call whose
// handler panicked is never answered.
type guard struct {
	mailbox
	actor.MessageInvoker
	session *session
}

// hand is what the guard shares with the session actor.
type hand struct {
	stopped atomic.Bool // set by the actor when it will answer no more
	call    *Call       // the call being handled; nil once answered or queued
}

// newGuard is an actor.MailboxProducer.
func newGuard() actor.Mailbox { return &guard{} }

// RegisterHandlers puts the guard before the actor.
func (g *guard) RegisterHandlers(invoker actor.MessageInvoker, d actor.Dispatcher) {
	g.MessageInvoker = invoker
	g.session = invoker.(actor.Context).Actor().(*sessionStart).session
	g.mailbox.RegisterHandlers(g, d)
}

// InvokeSystemMessage lets a mailbox that was suspended by a panic drain once
// the actor has stopped.
func (g *guard) InvokeSystemMessage(m any) {
	was := g.session.hand.stopped.Load()
	g.MessageInvoker.InvokeSystemMessage(m)
	if !was && g.session.hand.stopped.Load() {
		g.PostSystemMessage(&actor.ResumeMailbox{})
	}
}

// InvokeUserMessage answers what the actor cannot.
func (g *guard) InvokeUserMessage(m any) {
	call, isCall := m.(*Call)
	if isCall && g.session.hand.stopped.Load() {
		call.Caller.Reply(nil, ErrSessionClosed)
		return
	}
	g.session.hand.call = call
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
	s := g.session
	s.system.options.Logger.Error("session actor panicked",
		"session", s.handle.id, "panic", reason, "stack", string(debug.Stack()))
	if call := s.hand.call; call != nil {
		s.hand.call = nil
		call.Caller.Reply(nil, ErrInternal)
	}
	panic(reason)
}
