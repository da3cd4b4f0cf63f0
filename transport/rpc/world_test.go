package rpc

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// world is a whole server over fake runtimes, on loopback.
type world struct {
	t        testing.TB
	server   *transport.Server
	door     *Door
	system   *actors.System
	registry *runtimes.Registry
	addr     string
	log      *logBuffer
	fakes    map[runtimes.Type]*fake.Runtime
}

// setup changes what a world is made of.
type setup struct {
	server transport.Options
	door   Options
	policy sessions.Policy
	limits sessions.Limits
	actors actors.Options
	fake   fake.Options
	types  []runtimes.Type // nil: Bun, Deno, Docker, Native
	shut   bool            // the test shuts the server down itself

	listener func(net.Listener) net.Listener // round the server's; nil is bare
}

// newWorld starts a server, and checks at the end that nothing of it is left.
func newWorld(t testing.TB, o setup) *world {
	t.Helper()
	w := &world{t: t, log: &logBuffer{}, fakes: map[runtimes.Type]*fake.Runtime{}}
	if o.types == nil {
		o.types = []runtimes.Type{runtimes.Bun, runtimes.Deno, runtimes.Docker, runtimes.Native}
	}
	var all []runtimes.Runtime
	for _, kind := range o.types {
		f := o.fake
		f.Type, f.Dir = kind, t.TempDir()
		w.fakes[kind] = fake.New(f)
		all = append(all, w.fakes[kind])
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	metrics := transport.NewMetrics()
	w.registry = runtimes.NewRegistry(all...)
	w.registry.Probe(t.Context())
	o.actors.Registry, o.actors.Observer, o.actors.Logger = w.registry, metrics, log
	w.system = actors.NewSystem(o.actors)
	local, err := sessions.New(sessions.Options{System: w.system, Registry: w.registry, Policy: o.policy, Limits: o.limits})
	if err != nil {
		t.Fatal(err)
	}
	o.door.Sessions, o.door.Metrics, o.door.Logger = local, metrics, log
	if w.door, err = New(o.door); err != nil {
		t.Fatal(err)
	}
	o.server.Sessions, o.server.Metrics, o.server.Logger = local, metrics, log
	o.server.Doors = []transport.Door{w.door}
	w.server = transport.New(o.server)
	w.serve(o.shut, o.listener)
	return w
}

// count is how many sessions there are.
func (w *world) count() (int, error) {
	infos, _, err := w.system.List(actors.ListRequest{Owner: actors.Everybody, Limit: 1000})
	return len(infos), err
}

func (w *world) serve(shut bool, wrap func(net.Listener) net.Listener) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.addr = l.Addr().String()
	if wrap != nil {
		l = wrap(l)
	}
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(context.Background(), l) }()
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil && !shut {
			w.t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil && !shut {
			w.t.Errorf("serve: %v", err)
		}
		for kind, f := range w.fakes {
			if left := f.Environments(); len(left) > 0 {
				w.t.Errorf("%d environments of %v are left", len(left), kind)
			}
		}
	})
}

// logBuffer is the server's log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// peer is a client that shows messages as they are.
type peer struct {
	t        testing.TB
	conn     *websocket.Conn
	messages chan string
	closed   chan *websocket.CloseError
}

// dial connects a peer, which leaves at the end of the test.
func (w *world) dial(o websocket.DialOptions) *peer {
	w.t.Helper()
	return w.dialURL("", o)
}

// dialURL connects with a query.
func (w *world) dialURL(query string, o websocket.DialOptions) *peer {
	w.t.Helper()
	c, err := websocket.Dial(w.t.Context(), "ws://"+w.addr+"/ws/jsonrpc"+query, o)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &peer{t: w.t, conn: c, messages: make(chan string, 4096), closed: make(chan *websocket.CloseError, 1)}
	c.Start(p)
	w.t.Cleanup(func() {
		p.conn.CloseWith(websocket.CodeNormal, "")
		p.closeError()
	})
	return p
}

func (p *peer) OnMessage(_ *websocket.Conn, msg []byte, _ bool) { p.messages <- string(msg) }
func (p *peer) OnClose(_ *websocket.Conn, err *websocket.CloseError) {
	p.closed <- err
	close(p.messages)
}

func (p *peer) send(message string) {
	p.conn.Reply(func(dst []byte) []byte { return append(dst, message...) })
}

// receive returns the next message.
func (p *peer) receive() string {
	p.t.Helper()
	select {
	case m, ok := <-p.messages:
		if !ok {
			p.t.Fatal("the connection is closed")
		}
		return m
	case <-time.After(10 * time.Second):
		p.t.Fatal("no message within 10 s")
	}
	return ""
}

// closeError waits for the end of the connection.
func (p *peer) closeError() *websocket.CloseError {
	p.t.Helper()
	select {
	case err := <-p.closed:
		p.closed <- err
		return err
	case <-time.After(10 * time.Second):
		p.t.Error("the connection did not end within 10 s")
	}
	return nil
}

// ask sends a message and returns the next one received.
func (p *peer) ask(message string) string {
	p.t.Helper()
	p.send(message)
	return p.receive()
}

// reply returns the next message that is the reply to a request, and drops what
// comes before it.
func (p *peer) reply(id int) string {
	p.t.Helper()
	for {
		if m := p.receive(); strings.HasPrefix(m, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,`, id)) {
			return m
		}
	}
}
