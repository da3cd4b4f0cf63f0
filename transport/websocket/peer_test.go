package websocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// soon is how long a test waits for what must come.
const soon = 10 * time.Second

// echo sends every message back and keeps how the connection ended.
type echo struct{ closed chan *CloseError }

func newEcho() *echo { return &echo{closed: make(chan *CloseError, 1)} }

func (e *echo) OnMessage(c *Conn, msg []byte, binary bool) {
	op := ws.OpText
	if binary {
		op = ws.OpBinary
	}
	sendFrame(c, op, msg)
}

func (e *echo) OnClose(_ *Conn, err *CloseError) { e.closed <- err }

// sendFrame queues a frame, an empty one too, which Reply drops.
func sendFrame(c *Conn, op ws.OpCode, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing.Load() {
		if c.out == nil {
			c.out = getBuffer()
		}
		c.out.b = appendFrame(c.out.b, op, !c.server, nil, func(dst []byte) []byte { return append(dst, payload...) })
		c.kick()
	}
}

func (e *echo) wait(t testing.TB) *CloseError {
	t.Helper()
	select {
	case err := <-e.closed:
		return err
	case <-time.After(soon):
		t.Fatal("OnClose did not come")
		return nil
	}
}

// transports are the ways to read: the raw socket where the system has it, and
// the pooled blocking read.
var transports = []string{"socket", "blocking", "pipe"}

// hidden is a net.Conn that shows no more than its methods, as TLS does.
type hidden struct{ net.Conn }

// CloseWrite half-closes, as TLS does.
func (h hidden) CloseWrite() error { return h.Conn.(*net.TCPConn).CloseWrite() }

// connect starts a server's connection with h and returns the raw client side.
func connect(t testing.TB, transport string, o Options, h Handler) (*peer, *Conn) {
	t.Helper()
	var server, client net.Conn
	if transport == "pipe" {
		server, client = net.Pipe()
	} else {
		server, client = tcpPair(t)
	}
	if transport == "blocking" {
		server = hidden{server}
	}
	hub := NewHub(o)
	c := newConn(server, hub.opts, true)
	c.hub = hub
	t.Cleanup(func() {
		_ = client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := hub.Shutdown(ctx, "end of test"); err != nil {
			t.Error(err)
		}
	})
	c.Start(h)
	return &peer{t: t, Conn: client}, c
}

func tcpPair(t testing.TB) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// serve starts a real HTTP server that upgrades every request, with a handler
// for each connection.
func serve(t testing.TB, hub *Hub, o UpgradeOptions, handler func() Handler) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := hub.Upgrade(w, r, o); err == nil {
			c.Start(handler())
		}
	}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		_ = hub.Shutdown(ctx, "end of test")
		s.Close()
	})
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// peer is a client that sends and reads raw frames.
type peer struct {
	net.Conn
	t testing.TB
}

// frame is one masked frame of a client.
func frame(fin bool, op ws.OpCode, payload []byte) []byte {
	f := ws.NewFrame(op, fin, payload)
	b, err := ws.CompileFrame(ws.MaskFrameWith(f, [4]byte{0x37, 0xfa, 0x21, 0x3d}))
	if err != nil {
		panic(err)
	}
	return b
}

func text(s string) []byte { return frame(true, ws.OpText, []byte(s)) }

// write sends bytes, and does not mind when the server has gone.
func (p *peer) write(parts ...[]byte) {
	p.t.Helper()
	_ = p.SetWriteDeadline(time.Now().Add(soon))
	if _, err := p.Conn.Write(bytes.Join(parts, nil)); err != nil && !isGone(err) {
		p.t.Fatal(err)
	}
}

// send writes from a goroutine, for transports without a buffer.
func (p *peer) send(parts ...[]byte) {
	done := make(chan struct{})
	p.t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		_ = p.SetWriteDeadline(time.Now().Add(soon))
		_, _ = p.Conn.Write(bytes.Join(parts, nil))
	}()
}

func isGone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, new(*net.OpError))
}

// read returns the next frame; ok is false at the end of the stream.
func (p *peer) read() (f ws.Frame, ok bool) {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(soon))
	h, err := ws.ReadHeader(p.Conn)
	if err != nil {
		if isTimeout(err) {
			p.t.Fatal("no frame came")
		}
		return f, false
	}
	if h.Masked {
		p.t.Fatal("a server masked a frame") // RFC 6455, 5.1
	}
	f.Header, f.Payload = h, make([]byte, h.Length)
	if _, err := io.ReadFull(p.Conn, f.Payload); err != nil {
		return f, false
	}
	return f, true
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func (p *peer) wantText(want string) {
	p.t.Helper()
	f, ok := p.read()
	if !ok || f.Header.OpCode != ws.OpText || string(f.Payload) != want {
		p.t.Fatalf("got %v %.80q, want %.80q", f.Header, f.Payload, want)
	}
}

// wantClose reads a close frame with the code, then the end of the stream.
func (p *peer) wantClose(code uint16) (reason string) {
	p.t.Helper()
	for {
		f, ok := p.read()
		if !ok {
			p.t.Fatalf("the stream ended without a close frame %d", code)
		}
		if f.Header.OpCode != ws.OpClose {
			continue
		}
		got, reason := ws.ParseCloseFrameData(f.Payload)
		if uint16(got) != code {
			p.t.Errorf("close code %d %q, want %d", got, reason, code)
		}
		if f, ok := p.read(); ok {
			p.t.Errorf("a frame after the close frame: %v", f.Header)
		}
		return reason
	}
}
