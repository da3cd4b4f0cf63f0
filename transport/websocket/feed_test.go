package websocket

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// ring is a Source of numbered messages, as an execution's output is.
type ring struct {
	mu     sync.Mutex
	name   string
	feed   *Feed
	ready  []string
	pulled int // messages
	total  int
	taken  chan struct{} // when set, gets a token for each message pulled
}

func (r *ring) Pull(dst *Frames) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.ready) > 0 {
		next := r.ready[0]
		r.ready = r.ready[1:]
		r.pulled++
		if r.taken != nil {
			r.taken <- struct{}{}
		}
		dst.Text(func(b []byte) []byte { return append(b, next...) })
		if dst.Room() == 0 {
			break
		}
	}
	return len(r.ready) > 0
}

// add makes messages ready. It wakes the feed with the ring's lock held, which
// must not deadlock with a Pull.
func (r *ring) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range n {
		r.ready = append(r.ready, fmt.Sprint(r.name, " ", r.total))
		r.total++
	}
	r.feed.Wake()
}

func attach(c *Conn, name string) *ring {
	r := &ring{name: name}
	r.feed = c.Attach(r)
	return r
}

func reply(c *Conn, s string) { c.Reply(func(dst []byte) []byte { return append(dst, s...) }) }

func TestSourceIsPulledInItsOrderAfterAWake(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			p, c := connect(t, transport, Options{BatchBytes: 100}, newEcho())
			r := attach(c, "out")
			for round := range 20 {
				r.add(50)
				for i := range 50 {
					p.wantText(fmt.Sprint("out ", round*50+i))
				}
			}
		})
	}
}

// What is queued before a notification becomes ready comes before it; what is
// queued after it was pulled comes after it.
func TestRepliesAndNotificationsKeepTheirOrder(t *testing.T) {
	p, c := connect(t, "socket", Options{BatchBytes: 200, PingInterval: -1}, newEcho())
	const writers, rounds = 4, 300
	var wg sync.WaitGroup
	for w := range writers {
		r := attach(c, fmt.Sprint("note ", w))
		r.taken = make(chan struct{}, 1)
		wg.Go(func() {
			for i := range rounds {
				reply(c, fmt.Sprintf("before %d %d", w, i))
				r.add(1)
				<-r.taken
				reply(c, fmt.Sprintf("after %d %d", w, i))
			}
		})
	}
	want := make([]int, writers) // how many of each writer's came
	for range writers * rounds * 3 {
		f, ok := p.read()
		if !ok {
			t.Fatal("ended")
		}
		var word string
		var w, i int
		if _, err := fmt.Sscan(string(f.Payload), &word, &w, &i); err != nil {
			t.Fatal(err)
		}
		if got := i*3 + map[string]int{"before": 0, "note": 1, "after": 2}[word]; got != want[w] {
			t.Fatalf("writer %d: %q came as number %d", w, f.Payload, want[w])
		}
		want[w]++
	}
	wg.Wait()
}

func TestFeedsTakeTurns(t *testing.T) {
	server, client := tcpPair(t)
	c := NewServer(server, Options{BatchBytes: 64})
	a, b := attach(c, "a"), attach(c, "b")
	c.flushing.Store(true) // nothing is written before both are ready
	a.add(20)
	b.add(20)
	c.flushing.Store(false)
	h := newEcho()
	c.Start(h)
	c.kick()
	p := &peer{client, t}
	first := map[string]int{}
	for i := range 40 {
		f, _ := p.read()
		if name, _, _ := strings.Cut(string(f.Payload), " "); first[name] == 0 {
			first[name] = i + 1
		}
	}
	if first["b"] > 20 || first["a"] > 20 {
		t.Errorf("one feed waited for all of the other: %v", first)
	}
	c.CloseWith(1000, "")
	p.wantClose(1000)
	_ = p.Close()
	h.wait(t)
}

func TestDetachedFeedSendsNothingBehindALaterReply(t *testing.T) {
	p, c := connect(t, "socket", Options{BatchBytes: 100}, newEcho())
	r := attach(c, "old")
	r.add(1000)
	p.wantText("old 0")
	r.feed.Detach()
	reply(c, "attached anew")
	r.add(10)
	reply(c, "end")
	seen := false
	for {
		f, ok := p.read()
		if !ok {
			t.Fatal("ended")
		}
		switch s := string(f.Payload); {
		case s == "attached anew":
			seen = true
		case s == "end":
			return
		case seen:
			t.Fatalf("%q came from a detached feed", s)
		}
	}
}

type badSource struct{}

func (badSource) Pull(*Frames) bool { panic("on purpose") }

func TestPanicOfASourceClosesItsConnectionOnly(t *testing.T) {
	h := newEcho()
	p, c := connect(t, "socket", Options{}, h)
	c.Attach(badSource{}).Wake()
	p.wantClose(1011)
	if err := h.wait(t); err.Code != 1011 {
		t.Errorf("OnClose got %v", err)
	}
}

type idleSource struct{ calls chan struct{} }

func (s idleSource) Pull(dst *Frames) bool {
	dst.Text(func(b []byte) []byte { return b }) // nothing
	s.calls <- struct{}{}
	return true
}

func TestSourceThatClaimsMoreAndAddsNothingDoesNotSpin(t *testing.T) {
	p, c := connect(t, "socket", Options{}, newEcho())
	s := idleSource{make(chan struct{}, 100)}
	c.Attach(s).Wake()
	<-s.calls
	waitFor(t, func() bool { return !c.flushing.Load() })
	if n := len(s.calls); n > 0 {
		t.Errorf("pulled %d more times", n)
	}
	reply(c, "alive")
	p.wantText("alive")
}

func TestNothingIsPulledAfterOnClose(t *testing.T) {
	h := newEcho()
	p, c := connect(t, "socket", Options{}, h)
	r := attach(c, "x")
	_ = p.Close()
	h.wait(t)
	r.add(5)
	time.Sleep(10 * time.Millisecond) // nothing can be waited for
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pulled > 0 {
		t.Error("pulled")
	}
}
