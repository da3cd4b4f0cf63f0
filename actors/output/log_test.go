package output

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/codebeaker/codebeaker/runtimes"
)

// granted counts what a log gives back.
type granted struct{ n atomic.Int64 }

func (g *granted) Grant(n int) { g.n.Add(int64(n)) }

func drain(s *Subscription) (items []Item) {
	for {
		item, ok := s.Next()
		if !ok {
			return items
		}
		items = append(items, item)
	}
}

func subscribe(t *testing.T, l *Log, from int64) *Subscription {
	t.Helper()
	s, _, err := l.Subscribe(from, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASubscriberSeesStartChunksAndCompletionInOrder(t *testing.T) {
	l := NewLog("e", Options{})
	s := subscribe(t, l, Oldest)
	l.Output(runtimes.Stdout, []byte("a")) // overtakes Start
	l.Start()
	l.Output(runtimes.Stderr, []byte("b"))
	l.Complete("done")
	items := drain(s)
	if len(items) != 4 || items[0].Kind != ItemStarted || items[3].Kind != ItemCompleted || items[3].Outcome != "done" {
		t.Fatalf("items: %+v", items)
	}
	if c := items[2].Chunk; c.Seq != 1 || c.Offset != 0 || c.Stream != runtimes.Stderr || string(c.Data) != "b" {
		t.Errorf("second chunk: %+v", c)
	}
}

func TestAProgramThatCouldNotStartIsNotReportedAsStarted(t *testing.T) {
	l := NewLog("e", Options{})
	s := subscribe(t, l, Oldest)
	l.Complete(nil)
	if items := drain(s); len(items) != 1 || items[0].Kind != ItemCompleted {
		t.Errorf("items: %+v", items)
	}
}

func TestALateSubscriberIsNotToldOfTheStart(t *testing.T) {
	l := NewLog("e", Options{})
	l.Start()
	l.Output(runtimes.Stdout, []byte("x"))
	if items := drain(subscribe(t, l, Oldest)); len(items) != 1 || items[0].Kind != ItemChunk {
		t.Errorf("items: %+v", items)
	}
}

func TestWithoutSubscribersTheOldestIsDroppedAndCounted(t *testing.T) {
	l := NewLog("e", Options{Capacity: 10})
	var g granted
	l.Bind(&g)
	for range 5 {
		l.Output(runtimes.Stdout, []byte("1234"))
	}
	snap := l.Snapshot()
	if snap.FirstSeq != 2 || snap.NextSeq != 5 || snap.DroppedBytes(runtimes.Stdout) != 8 {
		t.Errorf("snapshot: %+v", snap)
	}
	if g.n.Load() != 20 {
		t.Errorf("granted %d of 20", g.n.Load())
	}
}

func TestASubscriberThatIsBehindHoldsBackTheProgramAndLosesNothing(t *testing.T) {
	l := NewLog("e", Options{Capacity: 10})
	var g granted
	l.Bind(&g)
	s := subscribe(t, l, Oldest)
	for range 5 {
		l.Output(runtimes.Stdout, []byte("1234"))
	}
	if g.n.Load() != 12 { // the first three fit
		t.Errorf("granted %d while the reader is behind", g.n.Load())
	}
	if items := drain(s); len(items) != 6 {
		t.Errorf("%d items", len(items))
	}
	if g.n.Load() != 20 {
		t.Errorf("granted %d after the reader caught up", g.n.Load())
	}
}

func TestClosingASubscriptionLetsTheProgramGoOn(t *testing.T) {
	l := NewLog("e", Options{Capacity: 4})
	var g granted
	l.Bind(&g)
	s := subscribe(t, l, Oldest)
	l.Output(runtimes.Stdout, []byte("1234"))
	l.Output(runtimes.Stdout, []byte("5678"))
	if g.n.Load() != 4 {
		t.Fatalf("granted %d", g.n.Load())
	}
	s.Close()
	s.Close()
	if g.n.Load() != 8 {
		t.Errorf("granted %d after the reader left", g.n.Load())
	}
}

func TestSubscribingBeyondTheEndFails(t *testing.T) {
	l := NewLog("e", Options{})
	if _, _, err := l.Subscribe(1, func() {}); err != ErrBeyondEnd {
		t.Errorf("err = %v", err)
	}
}

func TestAnIncompleteCharacterWaitsForItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog("e", Options{})
		s := subscribe(t, l, Oldest)
		l.Output(runtimes.Stdout, []byte("a\xe2\x82"))
		time.Sleep(10 * time.Millisecond)
		l.Output(runtimes.Stdout, []byte("\xacb"))
		items := drain(s)
		if got := string(items[1].Chunk.Data) + "|" + string(items[2].Chunk.Data); got != "a|€b" {
			t.Errorf("chunks: %q", got)
		}
		l.Output(runtimes.Stdout, []byte("\xe2\x82"))
		time.Sleep(characterWait + time.Millisecond)
		items = drain(s)
		if len(items) != 1 || !items[0].Chunk.Binary || items[0].Chunk.Offset != 5 {
			t.Errorf("after the wait: %+v", items)
		}
		l.Complete(nil)
	})
}

// Whatever is written, in whatever pieces, and however slowly it is read: the
// chunks of a reader joined are the bytes written, their offsets have no gap,
// text chunks are UTF-8, and the program gets its whole window back.
func TestChunksJoinedAreTheBytesWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLog("e", Options{Capacity: rapid.IntRange(1, 64).Draw(t, "capacity")})
		var g granted
		l.Bind(&g)
		reader, _, _ := l.Subscribe(Oldest, func() {})
		piece := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 1, 20),
			rapid.Map(rapid.StringN(1, 8, 20), func(s string) []byte { return []byte(s) }),
		)
		var wrote, read [2]bytes.Buffer
		var seq int64
		take := func(n int) {
			for range n {
				item, ok := reader.Next()
				if !ok {
					return
				}
				if item.Kind != ItemChunk {
					continue
				}
				c := item.Chunk
				if c.Seq != seq || c.Offset != int64(read[c.Stream-1].Len()) {
					t.Fatalf("chunk %d at %d, want %d at %d", c.Seq, c.Offset, seq, read[c.Stream-1].Len())
				}
				if !c.Binary && strings.ToValidUTF8(string(c.Data), "") != string(c.Data) {
					t.Fatalf("text chunk is not UTF-8: %q", c.Data)
				}
				seq++
				read[c.Stream-1].Write(c.Data)
			}
		}
		total := 0
		for range rapid.IntRange(0, 30).Draw(t, "writes") {
			stream := rapid.IntRange(0, 1).Draw(t, "stream")
			p := piece.Draw(t, "piece")
			l.Output(runtimes.Stream(stream+1), p)
			wrote[stream].Write(p)
			total += len(p)
			take(rapid.IntRange(0, 3).Draw(t, "reads"))
		}
		l.Complete(nil)
		take(1 << 20)
		for i := range wrote {
			if !bytes.Equal(wrote[i].Bytes(), read[i].Bytes()) {
				t.Fatalf("stream %d: wrote %q, read %q", i, wrote[i].Bytes(), read[i].Bytes())
			}
		}
	})
}
