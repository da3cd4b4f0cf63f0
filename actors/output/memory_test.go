package output

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/codebeaker/codebeaker/runtimes"
)

// owned is an execution of whose log somebody keeps track.
type owned struct {
	*Log
	forgotten atomic.Bool
}

func (o *owned) Forgotten() { o.forgotten.Store(true) }

func newOwned(id string, m *Memory, capacity int) *owned {
	o := &owned{}
	o.Log = NewLog(id, Options{Capacity: capacity, Memory: m, Owner: o})
	return o
}

// chunksOf writes n chunks of size bytes and ends the execution.
func chunksOf(o *owned, n, size int) *owned {
	for range n {
		o.Output(runtimes.Stdout, bytes.Repeat([]byte{'x'}, size))
	}
	o.Complete(nil)
	return o
}

func kept(o *owned) int64 {
	snap := o.Snapshot()
	return snap.NextSeq - snap.FirstSeq
}

func TestAboveTheBoundTheOldestFinishedOutputGoesFirst(t *testing.T) {
	m := NewMemory(16_440, 0) // each chunk counts 2064 bytes: itself, its part of the result, its cost
	running := newOwned("running", m, 1<<20)
	running.Output(runtimes.Stdout, make([]byte, 1000))
	first, second := chunksOf(newOwned("1", m, 1<<20), 3, 1000), chunksOf(newOwned("2", m, 1<<20), 3, 1000)
	if kept(first) != 3 || kept(second) != 3 || m.Usage().Dropped != 0 {
		t.Fatalf("there was room: %+v", m.Usage())
	}
	chunksOf(newOwned("3", m, 1<<20), 2, 1000)
	if kept(first) != 0 || kept(second) != 3 || kept(running) != 1 {
		t.Errorf("kept %d, %d, %d", kept(first), kept(second), kept(running))
	}
	if snap := first.Snapshot(); snap.FirstSeq != 3 || snap.DroppedBytes(runtimes.Stdout) != 3000 || m.Usage().Dropped != 3000 {
		t.Errorf("%+v, %+v", snap, m.Usage())
	}
	if c := first.Captured(runtimes.Stdout); len(c.Data) != 3000 || c.Truncated {
		t.Errorf("the result lost %d bytes", 3000-len(c.Data))
	}
}

func TestWithoutChunksToDropWholeExecutionsAreForgotten(t *testing.T) {
	m := NewMemory(10_000, 0)
	first, second := newOwned("1", m, 0), newOwned("2", m, 0)
	for _, o := range []*owned{first, second} {
		o.Hold(4500) // the content of a file
		o.Complete(nil)
	}
	if first.forgotten.Load() {
		t.Fatal("there was room")
	}
	running := newOwned("running", m, 1<<20)
	running.Output(runtimes.Stdout, make([]byte, 2000))
	if !first.forgotten.Load() || second.forgotten.Load() || kept(running) != 1 || m.Usage().Forgotten != 1 {
		t.Errorf("%v, %v, %+v", first.forgotten.Load(), second.forgotten.Load(), m.Usage())
	}
}

func TestWithNothingFinishedWhoeverIsNotReadLosesItsOldest(t *testing.T) {
	m := NewMemory(20_000, 0)
	silent := newOwned("silent", m, 1<<20)
	for range 4 {
		silent.Output(runtimes.Stderr, make([]byte, 1000))
	}
	followed := newOwned("followed", m, 1<<20)
	var g granted
	followed.Bind(&g)
	s := subscribe(t, followed.Log, Oldest)
	for range 30 {
		followed.Output(runtimes.Stdout, make([]byte, 1000))
	}
	if kept(silent) != 0 || silent.Snapshot().DroppedBytes(runtimes.Stderr) != 4000 {
		t.Errorf("%d chunks of the silent one are kept", kept(silent))
	}
	if kept(followed) != 30 || g.n.Load() == 30_000 {
		t.Errorf("%d chunks kept, %d bytes granted: the reader does not pace the program", kept(followed), g.n.Load())
	}
	if c := followed.Captured(runtimes.Stdout); !c.Truncated {
		t.Error("the result grows beyond the bound")
	}
	if items := drain(s); len(items) != 31 || g.n.Load() != 30_000 {
		t.Errorf("%d items read, %d bytes granted", len(items), g.n.Load())
	}
}

// newKeyed is newOwned of a key.
func newKeyed(key string, m *Memory) *owned {
	o := &owned{}
	o.Log = NewLog(key, Options{Capacity: 1 << 20, Memory: m, Key: key, Owner: o})
	return o
}

func TestAKeyAboveItsShareLosesItsOwn(t *testing.T) {
	m := NewMemory(40_000, 0.5)                      // a chunk counts 2064 bytes
	other := chunksOf(newKeyed("other", m), 3, 1000) // the oldest of all
	var own []*owned
	for range 5 {
		own = append(own, chunksOf(newKeyed("own", m), 3, 1000))
	}
	if kept(other) != 3 || kept(own[0]) != 0 || kept(own[4]) != 3 {
		t.Errorf("of the other key %d chunks are kept, of its own oldest %d, of the last %d", kept(other), kept(own[0]), kept(own[4]))
	}
	for range 20 { // results without output
		o := newKeyed("own", m)
		o.Hold(2000)
		o.Complete(nil)
		own = append(own, o)
	}
	if other.forgotten.Load() || !own[5].forgotten.Load() || own[24].forgotten.Load() || m.Usage().Kept > 20_000+3*2064 {
		t.Errorf("the other is forgotten: %v, %+v", other.forgotten.Load(), m.Usage())
	}
	running := newKeyed("own", m)
	for range 15 {
		running.Output(runtimes.Stdout, make([]byte, 1000))
	}
	if kept(other) != 3 || kept(running) == 0 || m.Usage().Kept > 20_000+3*2064 {
		t.Errorf("of the other key %d chunks are kept, of what runs %d, %+v", kept(other), kept(running), m.Usage())
	}
}

func TestWhatReadersDoNotTakeHoldsUpTheirKeyOnly(t *testing.T) {
	m := NewMemory(40_000, 0.5)
	paced := newKeyed("own", m)
	var g, h granted
	paced.Bind(&g)
	s := subscribe(t, paced.Log, Oldest)
	for range 20 {
		paced.Output(runtimes.Stdout, make([]byte, 1000))
	}
	if kept(paced) != 20 || g.n.Load() == 20_000 {
		t.Errorf("%d chunks are kept, %d bytes granted: it is not held up", kept(paced), g.n.Load())
	}
	other := newKeyed("other", m)
	other.Bind(&h)
	for range 2 {
		other.Output(runtimes.Stdout, make([]byte, 1000))
	}
	if c := other.Captured(runtimes.Stdout); kept(other) != 2 || h.n.Load() != 2000 || c.Truncated {
		t.Errorf("another key keeps %d chunks and is granted %d bytes", kept(other), h.n.Load())
	}
	if items := drain(s); len(items) != 21 || g.n.Load() != 20_000 {
		t.Errorf("%d items read, %d bytes granted", len(items), g.n.Load())
	}
}

func TestWithoutRoomForAllTheLargestKeysLoseFirst(t *testing.T) {
	m := NewMemory(30_000, 0.5)
	small := chunksOf(newKeyed("small", m), 2, 1000)
	first, second := chunksOf(newKeyed("first", m), 6, 1000), chunksOf(newKeyed("second", m), 6, 1000)
	chunksOf(newKeyed("third", m), 2, 1000)
	if kept(small) != 2 || kept(first)+kept(second) >= 12 || m.Usage().Kept > 30_000 {
		t.Errorf("kept %d, %d, %d; %+v", kept(small), kept(first), kept(second), m.Usage())
	}
}

func TestWhatIsReleasedCountsNoMore(t *testing.T) {
	m := NewMemory(1<<20, 0)
	o := newOwned("1", m, 1<<20)
	s := subscribe(t, o.Log, Oldest)
	chunksOf(o, 4, 1000)
	o.Release()
	if m.Usage().Kept < 4000 {
		t.Error("what a reader still needs is not counted")
	}
	if items := drain(s); len(items) != 6 {
		t.Errorf("%d items", len(items))
	}
	if u := m.Usage(); u.Kept != 0 || u.Dropped != 0 || o.place != nowhere {
		t.Errorf("%+v", u)
	}
}

// modelled is an execution with what the test knows of it.
type modelled struct {
	*owned
	window int // left to the program
	wrote  [2]bytes.Buffer
	reader *Subscription
	next   int64    // seq that the reader gets next
	offset [2]int64 // that it has reached, -1 before its first chunk
}

const (
	pieceMin, pieceMax = 20, 60
	programWindow      = 200
	// overshoot is what one program may add that cannot be held back any more.
	overshoot = programWindow + pieceMax + (programWindow/pieceMin+1)*chunkCost + 2*pieceMax
)

func (e *modelled) Grant(n int) { e.window += n }

func (e *modelled) write(t *rapid.T) {
	if e.window <= 0 || e.state == Completed {
		return
	}
	stream := rapid.IntRange(0, 1).Draw(t, "stream")
	p := bytes.Repeat([]byte{byte('a' + e.wrote[stream].Len()%26)}, rapid.IntRange(pieceMin, pieceMax).Draw(t, "size"))
	e.window -= len(p)
	e.wrote[stream].Write(p)
	e.Output(runtimes.Stream(stream+1), p)
}

func (e *modelled) attach(t *rapid.T) {
	e.detach()
	snap := e.Snapshot()
	from := rapid.Int64Range(Oldest, snap.NextSeq).Draw(t, "from")
	e.reader, snap, _ = e.Subscribe(from, func() {})
	e.next, e.offset = max(from, snap.FirstSeq), [2]int64{-1, -1}
}

func (e *modelled) detach() {
	if e.reader != nil {
		e.reader.Close()
		e.reader = nil
	}
}

func (e *modelled) read(t *rapid.T) {
	for range rapid.IntRange(0, 8).Draw(t, "reads") {
		if e.reader == nil {
			return
		}
		item, ok := e.reader.Next()
		if !ok {
			return
		}
		if item.Kind != ItemChunk {
			continue
		}
		c, stream := item.Chunk, item.Chunk.Stream-1
		if c.Seq != e.next || e.offset[stream] >= 0 && c.Offset != e.offset[stream] {
			t.Fatalf("chunk %d at %d; wanted %d at %d", c.Seq, c.Offset, e.next, e.offset[stream])
		}
		if !bytes.Equal(e.wrote[stream].Bytes()[c.Offset:c.Offset+int64(len(c.Data))], c.Data) {
			t.Fatalf("chunk %d holds what was not written there", c.Seq)
		}
		e.next, e.offset[stream] = c.Seq+1, c.Offset+int64(len(c.Data))
	}
}

// check compares the log with what was written, and returns whether a reader
// holds back the program.
func (e *modelled) check(t *rapid.T) (behind bool) {
	snap := e.Snapshot()
	held := [2]int64{}
	for seq := snap.FirstSeq; seq < snap.NextSeq; seq++ {
		c := e.ring.at(seq)
		held[c.Stream-1] += int64(len(c.Data))
	}
	for i := range held {
		if got, want := snap.Dropped[i]+held[i], int64(e.wrote[i].Len()); got != want {
			t.Fatalf("stream %d: %d bytes dropped and %d held, %d written", i, snap.Dropped[i], held[i], want)
		}
	}
	return e.reader != nil && e.reader.cursor < snap.NextSeq
}

// Whatever is written, read, attached, detached, ended and released: the sum
// stays below the bound and what readers hold back, and each byte is delivered,
// held or counted as dropped.
func TestTheSumOfWhatIsKeptStaysBelowTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := int64(rapid.IntRange(500, 8000).Draw(t, "limit"))
		m := NewMemory(limit, 0)
		var all []*modelled
		steps := map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				if len(all) < 12 {
					e := &modelled{owned: newOwned("e", m, rapid.IntRange(100, 2000).Draw(t, "capacity")), window: programWindow}
					e.options.Capture = 300
					e.Bind(e)
					all = append(all, e)
				}
			},
			"": func(t *rapid.T) {
				slack := int64(0)
				for _, e := range all {
					if e.check(t) {
						slack += overshoot
					} else if e.state != Completed {
						slack += 2 * pieceMax // a part of its result
					}
				}
				if u := m.Usage(); u.Kept > limit+slack {
					t.Fatalf("%d bytes kept, the bound is %d with %d held back", u.Kept, limit, slack)
				}
			},
		}
		on := func(do func(e *modelled, t *rapid.T)) func(*rapid.T) {
			return func(t *rapid.T) {
				if len(all) > 0 {
					do(all[rapid.IntRange(0, len(all)-1).Draw(t, "execution")], t)
				}
			}
		}
		steps["write"] = on(func(e *modelled, t *rapid.T) {
			for range rapid.IntRange(1, 30).Draw(t, "times") {
				e.write(t)
			}
		})
		steps["read"] = on((*modelled).read)
		steps["attach"] = on((*modelled).attach)
		steps["detach"] = on(func(e *modelled, _ *rapid.T) { e.detach() })
		steps["complete"] = on(func(e *modelled, _ *rapid.T) { e.Complete(nil) })
		t.Repeat(steps)
		for _, e := range all {
			e.detach()
			e.Complete(nil)
			e.Release()
		}
		if u := m.Usage(); u.Kept != 0 {
			t.Fatalf("%d bytes are kept of nothing", u.Kept)
		}
	})
}

// program writes as fast as it is granted, from a goroutine of its own.
type program struct {
	mu     sync.Mutex
	more   sync.Cond
	window int
}

func (p *program) Grant(n int) {
	p.mu.Lock()
	p.window += n
	p.mu.Unlock()
	p.more.Broadcast()
}

func (p *program) run(o *owned, size int, r *rand.Rand) {
	p.window = programWindow
	p.more.L = &p.mu
	o.Bind(p)
	for size > 0 {
		p.mu.Lock()
		for p.window <= 0 {
			p.more.Wait()
		}
		n := min(size, pieceMin+r.IntN(pieceMax-pieceMin))
		p.window -= n
		p.mu.Unlock()
		o.Output(runtimes.Stdout, bytes.Repeat([]byte{'x'}, n))
		size -= n
	}
	o.Complete(nil)
}

// Readers that follow from the start get every byte, however many executions
// press on the bound at once.
func TestTheBoundHoldsUnderConcurrency(t *testing.T) {
	const executions, size, limit = 32, 40_000, 50_000
	m := NewMemory(limit, 0)
	var programs, readers sync.WaitGroup
	for i := range executions {
		o, r := newOwned("e", m, 4000), rand.New(rand.NewPCG(1, uint64(i)))
		if i%2 == 0 {
			news := make(chan struct{}, 1)
			s, _, _ := o.Subscribe(Oldest, func() {
				select {
				case news <- struct{}{}:
				default:
				}
			})
			readers.Go(func() { follow(t, s, news, size) })
		}
		programs.Go(func() { (&program{}).run(o, size, r) })
	}
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if u := m.Usage(); u.Kept > limit+executions*overshoot {
					t.Errorf("%d bytes kept", u.Kept)
					return
				}
			}
		}
	})
	programs.Wait()
	readers.Wait()
	close(stop)
	watch.Wait()
	if u := m.Usage(); u.Kept > limit || u.Dropped == 0 {
		t.Errorf("%+v", u)
	}
}

func follow(t *testing.T, s *Subscription, news <-chan struct{}, size int) {
	defer s.Close()
	got := 0
	for {
		item, ok := s.Next()
		switch {
		case !ok:
			<-news
		case item.Kind == ItemChunk:
			got += len(item.Chunk.Data)
		case item.Kind == ItemCompleted:
			if got != size {
				t.Errorf("%d of %d bytes", got, size)
			}
			return
		}
	}
}
