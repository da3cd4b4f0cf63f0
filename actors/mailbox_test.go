package actors

import (
	"slices"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// recorder is the actor behind a mailbox: it notes what it is told, and posts
// or panics when it is told to.
type recorder struct {
	mailbox *mailbox
	got     []any
	failed  chan struct{} // closed by a panic
}

func (r *recorder) InvokeSystemMessage(m any) { r.got = append(r.got, m) }

func (r *recorder) InvokeUserMessage(m any) {
	switch m := m.(type) {
	case func():
		m()
	case chan struct{}:
		close(m)
	default:
		r.got = append(r.got, m)
	}
}

func (r *recorder) EscalateFailure(reason any, _ any) {
	r.got = append(r.got, reason)
	r.mailbox.PostSystemMessage(&actor.SuspendMailbox{})
	close(r.failed)
}

func newRecorder(t *testing.T) *recorder {
	d := &dispatcher{}
	t.Cleanup(d.Close)
	r := &recorder{mailbox: &mailbox{}, failed: make(chan struct{})}
	r.mailbox.RegisterHandlers(r, d)
	return r
}

// wait returns once everything posted before has been handled.
func (r *recorder) wait() {
	done := make(chan struct{})
	r.mailbox.PostUserMessage(done)
	<-done
}

func TestMessagesOfTheSystemComeFirst(t *testing.T) {
	r := newRecorder(t)
	posted := make(chan struct{})
	r.mailbox.PostUserMessage(func() {
		for _, m := range []any{"a", "b"} {
			r.mailbox.PostUserMessage(m)
		}
		r.mailbox.PostSystemMessage("system")
		close(posted)
	})
	<-posted
	r.wait()
	if want := []any{"system", "a", "b"}; !slices.Equal(r.got, want) {
		t.Errorf("handled %v, want %v", r.got, want)
	}
}

func TestAPanicSuspendsTheMailboxUntilItIsResumed(t *testing.T) {
	r := newRecorder(t)
	r.mailbox.PostUserMessage(func() {
		r.mailbox.PostUserMessage("later")
		panic("reason")
	})
	<-r.failed
	r.mailbox.PostSystemMessage("system")
	r.mailbox.PostSystemMessage(&actor.ResumeMailbox{})
	r.wait()
	if want := []any{"reason", "system", "later"}; !slices.Equal(r.got, want) {
		t.Errorf("handled %v, want %v", r.got, want)
	}
}

func TestAMailboxLosesNothingAndKeepsTheOrderOfEachSender(t *testing.T) {
	const senders, each = 8, 5000
	r := newRecorder(t)
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := range each {
				r.mailbox.PostUserMessage([2]int{sender, n})
			}
		})
	}
	all.Wait()
	r.wait()
	var next [senders]int
	for _, m := range r.got {
		m := m.([2]int)
		if m[1] != next[m[0]] {
			t.Fatalf("message %d of sender %d after %d", m[1], m[0], next[m[0]]-1)
		}
		next[m[0]]++
	}
	if len(r.got) != senders*each {
		t.Errorf("%d messages handled of %d", len(r.got), senders*each)
	}
}

func TestAQueueMovesUpInsteadOfGrowingAndForgetsABurst(t *testing.T) {
	var q queue
	q.push(-1)
	for n := range 1000 { // never empty, never more than two
		q.push(n)
		if m := q.pop(); m != n-1 {
			t.Fatalf("popped %v, want %d", m, n-1)
		}
	}
	if cap(q.all) > 8 {
		t.Errorf("room for %d messages where two waited", cap(q.all))
	}
	for n := range 1000 {
		q.push(n)
	}
	for !q.empty() {
		q.pop()
	}
	if q.all != nil || q.pop() != nil {
		t.Errorf("an empty queue keeps room for %d messages", cap(q.all))
	}
}

func TestAMessageCostsNoAllocation(t *testing.T) {
	r := newRecorder(t)
	done := make(chan struct{}, 1)
	message := func() { done <- struct{}{} }
	var boxed any = message
	if n := testing.AllocsPerRun(1000, func() { r.mailbox.PostUserMessage(boxed); <-done }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
