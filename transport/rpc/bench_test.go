package rpc

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// The benchmarks hold two claims of docs/benchmarks.md: a request through the
// session's actor costs within 10 % of one through a map under a mutex, with the
// same decoder and writer, and at most 6 allocations. Compare within one run
// only:
//
//	go test ./transport -run xxx -bench RoundTrip -count 9 -benchmem

// mutexServer serves session.get without actors.
type mutexServer struct {
	mu       sync.Mutex
	sessions map[string]*actors.Info
}

func (m *mutexServer) get(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	m.mu.Lock()
	info, ok := m.sessions[id]
	if !ok {
		m.mu.Unlock()
		return actors.ErrSessionNotFound
	}
	copied := *info
	m.mu.Unlock()
	c.convert = toDetail
	c.Reply(&copied, nil)
	return nil
}

// bounded has the rates that a server has by default, so high that nobody meets
// them.
var bounded = setup{limits: sessions.Limits{Calls: 1e9}, door: Options{MessagesPerSecond: 1e9}}

// benchWorld has one session; without actors, session.get is the mutexServer's.
func benchWorld(b *testing.B, withActors bool) (w *world, session string) {
	w = newWorld(b, bounded)
	s, info, err := w.system.Create(b.Context(), createDefaults(nil))
	if err != nil {
		b.Fatal(err)
	}
	if !withActors {
		m := *w.door.methods[protocol.MethodSessionGet]
		m.serve = (&mutexServer{sessions: map[string]*actors.Info{s.ID(): info}}).get
		w.door.methods[protocol.MethodSessionGet] = &m
	}
	return w, s.ID()
}

// replies is a Replier that takes one reply at a time.
type replies struct {
	buf  []byte
	done chan struct{}
}

func (r *replies) Reply(encode func([]byte) []byte) {
	r.buf = encode(r.buf[:0])
	r.done <- struct{}{}
}

// BenchmarkRoundTripInMemory is a message from its bytes to the bytes of its
// reply, without a socket.
func BenchmarkRoundTripInMemory(b *testing.B) {
	get := func(session string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"sessionId":"` + session + `"}}`
	}
	for _, bench := range []struct {
		name    string
		actors  bool
		message func(session string) string
	}{
		{"get/mutex", false, get},
		{"get/actors", true, get},
		{"execute_true/actors", true, func(session string) string {
			return execute(1, session, `{"type":"execute_shell","commandName":"true"}`, "")
		}},
		{"write_file_1KiB/actors", true, func(session string) string {
			return execute(1, session, fmt.Sprintf(`{"type":"write_file","path":"a","content":"%01024d"}`, 7), "")
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w, session := benchWorld(b, bench.actors)
			cn := w.door.newConnection(b.Context(), sessions.Client{Address: "127.0.0.1"})
			defer cn.end(errPostEnded)
			out := &replies{done: make(chan struct{}, 1)}
			message := []byte(bench.message(session))
			b.ReportAllocs()
			for b.Loop() {
				cn.receive(message, out)
				<-out.done
			}
		})
	}
}

// BenchmarkRoundTrip is session.get over a loopback socket, with so many
// requests of one connection under way at once. The client costs as much as the
// server and is the same for both.
func BenchmarkRoundTrip(b *testing.B) {
	for _, depth := range []int{1, 16} {
		for _, withActors := range []bool{false, true} {
			name := map[bool]string{false: "mutex", true: "actors"}[withActors]
			b.Run(fmt.Sprintf("depth=%d/%s", depth, name), func(b *testing.B) {
				w, session := benchWorld(b, withActors)
				p := &counter{got: make(chan struct{}, depth)}
				c, err := websocket.Dial(b.Context(), "ws://"+w.addr+"/ws/jsonrpc", websocket.DialOptions{})
				if err != nil {
					b.Fatal(err)
				}
				c.Start(p)
				defer c.Abort(nil)
				message := []byte(`{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"sessionId":"` + session + `"}}`)
				send := func(dst []byte) []byte { return append(dst, message...) }
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N + depth {
					if i >= depth {
						<-p.got
					}
					if i < b.N {
						c.Reply(send)
					}
				}
			})
		}
	}
}

// counter is a client that counts replies.
type counter struct{ got chan struct{} }

func (p *counter) OnMessage(*websocket.Conn, []byte, bool)        { p.got <- struct{}{} }
func (p *counter) OnClose(*websocket.Conn, *websocket.CloseError) {}

// BenchmarkConvertOutcome is what the reply to a program costs to encode.
func BenchmarkConvertOutcome(b *testing.B) {
	code := 0
	r := &actors.ProcessResult{}
	r.Exit.Status, r.Exit.Code, r.Exit.Usage.Wall = 1, &code, time.Millisecond
	r.Stdout.Data = make([]byte, 1<<10)
	for i := range r.Stdout.Data {
		r.Stdout.Data[i] = 'a'
	}
	o := &actors.Outcome{Success: true, ExecutionID: "x", Result: r}
	var w wireOutcome
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = jsonrpc.AppendResult(dst[:0], jsonrpc.ID("1"), w.of(o, protocol.DefaultMaxMessage))
	}
}
