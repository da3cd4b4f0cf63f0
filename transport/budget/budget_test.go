package budget

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small has 300 bytes for each way, and 150 of them for a client.
func small() *Budget { return New(Options{Bytes: 800}) }

func granted(r *Request) bool {
	select {
	case <-r.Granted():
		return true
	default:
		return false
	}
}

func TestAClientHasNoMoreThanItsShare(t *testing.T) {
	b := small()
	one, other := b.Connect("one"), b.Connect("other")
	if !one.Take(Incoming, 150) || one.Take(Incoming, 1) || !one.Over(Incoming) {
		t.Error("the share of a client is not 150 bytes")
	}
	if !one.Take(Outgoing, 150) {
		t.Error("the other part is not its own")
	}
	if again := b.Connect("one"); again.Take(Incoming, 1) {
		t.Error("another connection has a share of its own")
	}
	if !other.Take(Incoming, 150) || b.Connect("third").Take(Incoming, 1) {
		t.Error("all together have no more than 300 bytes")
	}
	if u := b.Usage(Incoming); u.Held != 300 || u.Limit != 300 || u.Share != 150 || u.Refused != 3 {
		t.Errorf("%+v", u)
	}
	if got := one.Fit(Incoming, 1000); got != 111 {
		t.Errorf("what is larger than a share fits as %d", got)
	}
}

func TestWhoWaitsIsServedInTurn(t *testing.T) {
	b := small()
	one, other := b.Connect("one"), b.Connect("other")
	one.Force(Incoming, 140)
	first, second := one.Ask(Incoming, 100), one.Ask(Incoming, 20)
	elsewhere := other.Ask(Incoming, 100)
	if granted(first) || !granted(elsewhere) {
		t.Error("one whose share is taken holds up another client")
	}
	if one.Take(Incoming, 5) {
		t.Error("somebody of the client has waited for longer")
	}
	one.Give(Incoming, 60)
	if !granted(first) && !granted(second) {
		t.Error("there was room for one of them")
	}
	one.Give(Incoming, 80)
	if !granted(first) || !granted(second) || b.Usage(Incoming).Waiting != 0 {
		t.Errorf("%+v", b.Usage(Incoming))
	}
}

func TestWhoWaitsForAllIsNotOvertaken(t *testing.T) {
	b := small()
	full := []*Client{b.Connect("a"), b.Connect("b")}
	for _, c := range full {
		c.Force(Incoming, 140)
	}
	large, late := b.Connect("c").Ask(Incoming, 100), b.Connect("d").Ask(Incoming, 15)
	if granted(large) || granted(late) {
		t.Error("a small request overtakes one that there is no room for")
	}
	full[0].Give(Incoming, 100)
	if !granted(large) || !granted(late) {
		t.Error("there is room for both")
	}
}

func TestAWaitEndsInTimeAndTakesNothing(t *testing.T) {
	b := small()
	c := b.Connect("one")
	c.Force(Outgoing, 150)
	if c.Ask(Outgoing, 10).Wait(time.Millisecond, nil) {
		t.Error("there was no room")
	}
	done := make(chan struct{})
	close(done)
	if c.Ask(Outgoing, 10).Wait(time.Hour, done) {
		t.Error("nobody was there any more")
	}
	r := c.Ask(Outgoing, 10)
	c.Give(Outgoing, 150)
	r.Cancel()
	if u := b.Usage(Outgoing); u.Held != 0 || u.Waiting != 0 {
		t.Errorf("%+v", u)
	}
	// Those who wait keep results, and not any number of them.
	c.Force(Outgoing, 150)
	if c.Queue(Outgoing, 10, 100) == nil || c.Queue(Outgoing, 10, 51) != nil {
		t.Error("who waits keeps more than a share")
	}
}

func TestNothingIsLostAndNobodyIsForgotten(t *testing.T) {
	b := small()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			c := b.Connect(string(rune('a' + i%4)))
			defer c.Close()
			for range 2000 {
				n := r.Int64N(112)
				switch r.IntN(3) {
				case 0:
					if !c.Take(Incoming, n) {
						continue
					}
				case 1:
					if !c.Ask(Incoming, n).Wait(time.Minute, nil) {
						t.Errorf("%d bytes were not given in a minute", n)
						return
					}
				default:
					c.Ask(Incoming, n).Cancel()
					continue
				}
				if held := b.Usage(Incoming).Held; held > 2*300 {
					t.Errorf("%d bytes are held", held)
				}
				c.Give(Incoming, n)
			}
		})
	}
	all.Wait()
	if u := b.Usage(Incoming); u.Held != 0 || u.Waiting != 0 || len(b.clients) != 0 {
		t.Errorf("%+v, %d clients", u, len(b.clients))
	}
}

func TestWithoutABudgetThereIsNoBound(t *testing.T) {
	var b *Budget
	c := b.Connect("anybody")
	c.Force(Incoming, 1<<40)
	if !c.Take(Incoming, 1<<40) || !granted(c.Ask(Outgoing, 1<<40)) || c.Over(Incoming) || c.Fit(Incoming, 5) != 5 {
		t.Error("there is a bound")
	}
	h := c.Held(Incoming, 10)
	part := h.Split(4)
	part.Release()
	h.Release()
	c.Close()
}
