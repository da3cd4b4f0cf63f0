package actors

import (
	"runtime"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is what protoactor-go asks of one, for our dispatcher: a message
// costs no allocation, where protoactor-go's own costs a node of its queue and
// a closure for the dispatcher, and an idle one is half as large. Messages of
// the system come before those of users, each kind in its order; after a panic
// those of users wait until the supervisor has decided.
type mailbox struct {
	dispatcher *dispatcher
	invoker    actor.MessageInvoker

	mu        sync.Mutex
	system    queue
	user      queue
	scheduled bool // do runs, or is about to
	suspended bool
}

// newMailbox is an actor.MailboxProducer.
func newMailbox() actor.Mailbox { return &mailbox{} }

// RegisterHandlers comes before anything else.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, d actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, d.(*dispatcher)
}

// Start is for protoactor-go: there is nothing to do.
func (m *mailbox) Start() {}

// PostUserMessage never blocks. Batches of protoactor-go are not known here.
func (m *mailbox) PostUserMessage(message any) { m.post(&m.user, message) }

// PostSystemMessage never blocks.
func (m *mailbox) PostSystemMessage(message any) { m.post(&m.system, message) }

func (m *mailbox) post(q *queue, message any) {
	m.mu.Lock()
	q.push(message)
	idle := !m.scheduled
	m.scheduled = true
	m.mu.Unlock()
	if idle {
		m.dispatcher.start(m)
	}
}

// UserMessageCount is how many messages of users wait.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.len()
}

// do is the mailbox as a job: it handles what is there, and goes on after a
// panic.
func (m *mailbox) do() {
	for !m.drain() {
	}
}

// drain handles messages until none is left. False: an actor panicked.
func (m *mailbox) drain() (empty bool) {
	var message any
	defer func() {
		if reason := recover(); reason != nil {
			m.invoker.EscalateFailure(reason, message)
		}
	}()
	for n := 1; ; n++ {
		var system bool
		if message, system = m.next(); message == nil {
			return true
		}
		if system {
			m.invoker.InvokeSystemMessage(message)
		} else {
			m.invoker.InvokeUserMessage(message)
		}
		if n%throughput == 0 {
			runtime.Gosched()
		}
	}
}

// next takes the next message. Nil: there is none, and who posts one starts the
// mailbox again.
func (m *mailbox) next() (message any, system bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.system.empty() {
		switch message := m.system.pop().(type) {
		case *actor.SuspendMailbox:
			m.suspended = true
		case *actor.ResumeMailbox:
			m.suspended = false
		default:
			return message, true
		}
	}
	if !m.suspended && !m.user.empty() {
		return m.user.pop(), false
	}
	m.scheduled = false
	return nil, false
}
