package actors

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

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

// dispatcher runs actors, and the slow work outside them, on warm goroutines:
// a new goroutine for each message would grow its stack anew each time, which
// measured at half of the cost of a request. It starts as many as are needed
// and keeps some of them.
type dispatcher struct {
	mu     sync.Mutex
	idle   []chan job
	closed bool
}

const (
	// idleWorkers is how many goroutines are kept for the next burst.
	idleWorkers = 256
	// throughput is how many messages an actor handles before it yields.
	throughput = 300
)

// job is a piece of work. A pointer that is one costs no closure.
type job interface{ do() }

type jobFunc func()

func (f jobFunc) do() { f() }

// Schedule runs f soon on some goroutine. It does not block. It is
// protoactor-go's way in.
func (d *dispatcher) Schedule(f func()) { d.start(jobFunc(f)) }

// start runs j soon on some goroutine. It does not block.
func (d *dispatcher) start(j job) {
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		worker := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		worker <- j
		return
	}
	d.mu.Unlock()
	go d.work(j)
}

// Throughput is for protoactor-go.
func (d *dispatcher) Throughput() int { return throughput }

func (d *dispatcher) work(j job) {
	for next := make(chan job, 1); j != nil; j = <-next {
		j.do()
		d.mu.Lock()
		if d.closed || len(d.idle) >= idleWorkers {
			d.mu.Unlock()
			return
		}
		d.idle = append(d.idle, next)
		d.mu.Unlock()
	}
}

// Close lets the idle goroutines go; busy ones go when they are done.
func (d *dispatcher) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, worker := range d.idle {
		close(worker)
	}
	d.idle = nil
}
