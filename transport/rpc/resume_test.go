package rpc

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// script is a random program: what it writes, and in which pieces.
type script struct {
	size   int
	wrote  map[string][]byte
	pieces []piece
}

type piece struct {
	stream string
	data   []byte
}

// newScript makes a program that writes size bytes on both streams together:
// text, bytes that are none, and characters cut in two.
func newScript(r *rand.Rand, size int) *script {
	s := &script{size: size, wrote: map[string][]byte{"stdout": nil, "stderr": nil}}
	largest := 1 + r.IntN(max(1, min(size/4, 40_000)))
	for size > 0 {
		n := min(size, 1+r.IntN(largest))
		p := piece{stream: "stdout", data: make([]byte, n)}
		if r.IntN(3) == 0 {
			p.stream = "stderr"
		}
		alphabet := []string{"plain text\n", "wörter, 言葉 und 🦫", "\x00\x1b[31m\"\\\r\n", "\xff\xfe\xc3\xe2\x82"}[r.IntN(4)]
		for i := range p.data {
			p.data[i] = alphabet[(i+n)%len(alphabet)]
		}
		s.pieces = append(s.pieces, p)
		s.wrote[p.stream] = append(s.wrote[p.stream], p.data...)
		size -= n
	}
	return s
}

func (s *script) run(r *fake.Run) int {
	random := rand.New(rand.NewPCG(1, uint64(len(s.pieces))))
	for _, p := range s.pieces {
		to := r.Stdout()
		if p.stream == "stderr" {
			to = r.Stderr()
		}
		if _, err := to.Write(p.data); err != nil {
			return 1
		}
		if random.IntN(50) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return 0
}

// resumption is one case of the property.
type resumption struct {
	t    *testing.T
	w    *world
	s    *script
	rand *rand.Rand
}

// run has one program followed by one that started it, and by others that lose
// their connections, and checks all of them.
func (c *resumption) run() {
	wire, err := streamtest.Dial(c.w.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	var session protocol.Session
	if err := wire.Call(protocol.MethodSessionCreate, map[string]any{"language": "python"}, &session, nil); err != nil {
		c.t.Fatal(err)
	}
	command := map[string]any{"type": "execute_shell", "commandName": "scribble"}
	var started protocol.ExecuteResult
	err = wire.Call(protocol.MethodSessionExecute, map[string]any{
		"sessionId": session.SessionID, "command": command, "background": true, "stream": true,
	}, &started, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.follow(wire, session.SessionID, started.ExecutionID)
}

func (c *resumption) reader(session, execution string, wrote map[string][]byte) *streamtest.Reader {
	return &streamtest.Reader{
		Addr: c.w.addr, Session: session, Execution: execution, Wrote: wrote,
		Rand: rand.New(rand.NewPCG(c.rand.Uint64(), 1)),
	}
}

func (c *resumption) follow(wire *streamtest.Wire, session, execution string) {
	wrote, size := c.s.wrote, c.s.size
	own := c.reader(session, execution, wrote)
	if size < enoughToStop {
		own.Doze = time.Duration(c.rand.IntN(2)) * time.Millisecond
	}
	readers := []*streamtest.Reader{own}
	for range 1 + c.rand.IntN(3) {
		r := c.reader(session, execution, wrote)
		r.Cut = 1 + c.rand.IntN(4000+(size+200*len(c.s.pieces))/(1+c.rand.IntN(12)))
		r.Doze = time.Duration(c.rand.IntN(3)) * time.Millisecond
		readers = append(readers, r)
	}
	if size >= enoughToStop {
		r := c.reader(session, execution, wrote)
		r.Stop = func() { c.untilItIsClosed(session, execution) }
		readers = append(readers, r)
	}
	var all sync.WaitGroup
	for i, r := range readers {
		all.Go(func() {
			follow := r.Follow
			if i == 0 {
				follow = func() error { return r.Own(wire) }
			}
			if err := follow(); err != nil {
				c.t.Errorf("reader %d (cut %d): %v", i, r.Cut, err)
			}
		})
	}
	all.Wait()
	if last := readers[len(readers)-1]; last.Stop != nil && last.Attached < 2 {
		c.t.Error("the reader that stopped was not closed for it")
	}
	if missing := own.Missing["stdout"] + own.Missing["stderr"]; missing > 0 && own.Slow == 0 {
		c.t.Errorf("the reader that was there all the time misses %d bytes", missing)
	}
}

// untilItIsClosed returns when the program has ended and the server no longer
// waits for who does not read.
func (c *resumption) untilItIsClosed(session, execution string) {
	w, err := streamtest.Dial(c.w.addr)
	if err == nil {
		defer w.Close()
		err = w.Call(protocol.MethodExecutionWait, map[string]any{"sessionId": session, "executionId": execution}, nil, nil)
	}
	if err != nil {
		c.t.Errorf("wait for the end: %v", err)
	}
	time.Sleep(2 * stallTimeout)
}

// stallTimeout is the server's. enoughToStop is more than sockets swallow of
// the output that a reader does not read.
const (
	stallTimeout = 500 * time.Millisecond
	enoughToStop = 5 << 20
)

// Whatever a program writes, however its readers read and wherever their
// connections break: what they join is what it wrote; what they were too late
// for is accounted for to the byte. The ring is small, so that programs write
// many times its size.
func TestOutputIsJoinedAcrossConnectionsThatBreakAnywhere(t *testing.T) {
	sizes := map[int][]int{ // by the size of the ring
		1:        {0, 1, 700, 5000, 60_000, 300_000},
		16 << 10: {0, 1, 700, 5000, 60_000, 300_000, enoughToStop},
		1 << 20:  {0, 5000, 60_000, 1_200_000},
	}
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for ring, sizes := range sizes {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("ring=%d/size=%d", ring, size), func(t *testing.T) {
				t.Parallel()
				s := newScript(rand.New(rand.NewPCG(uint64(ring), uint64(size))), size)
				w := newWorld(t, setup{
					door:   Options{WebSocket: websocket.Options{StallTimeout: stallTimeout}},
					actors: actors.Options{OutputBytes: ring},
					fake:   fake.Options{Programs: map[string]fake.Program{"scribble": s.run}},
				})
				for i := range max(1, rounds*100_000/(100_000+size)) {
					c := &resumption{t, w, s, rand.New(rand.NewPCG(uint64(i), uint64(size+ring)))}
					c.run()
				}
			})
		}
	}
}
