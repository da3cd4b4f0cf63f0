package websocket

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

func TestCloseGoesBehindWhatIsQueued(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := newEcho()
			p, c := connect(t, transport, Options{}, h)
			c.Reply(func(dst []byte) []byte { return append(dst, "last words"...) })
			c.CloseWith(4001, "enough")
			c.CloseWith(4002, "too late")
			c.Reply(func(dst []byte) []byte { t.Error("encoded after the close"); return dst })
			p.wantText("last words")
			if reason := p.wantClose(4001); reason != "enough" {
				t.Errorf("reason %q", reason)
			}
			if err := h.wait(t); err.Code != 4001 || err.Remote {
				t.Errorf("OnClose got %v", err)
			}
		})
	}
}

func TestReasonIsCutBetweenCharacters(t *testing.T) {
	p, c := connect(t, "socket", Options{}, newEcho())
	c.CloseWith(4000, strings.Repeat("é", 100))
	if reason := p.wantClose(4000); len(reason) != 122 || !utf8.ValidString(reason) {
		t.Errorf("%d bytes: %q", len(reason), reason)
	}
}

func TestPeerThatNeverEndsIsCutAfterCloseTimeout(t *testing.T) {
	h := newEcho()
	p, c := connect(t, "socket", Options{CloseTimeout: 50 * time.Millisecond}, h)
	c.CloseWith(1000, "")
	h.wait(t)
	p.wantClose(1000) // and never answers
	waitFor(t, func() bool { return c.hub.Count() == 0 })
}

// waitFor polls for what another goroutine does.
func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen")
		}
	}
}

func TestBrokenConnectionIs1006(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"closed":      func(c *net.TCPConn) { _ = c.Close() },
		"reset":       func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
		"half closed": func(c *net.TCPConn) { _ = c.CloseWrite() },
	} {
		for _, transport := range []string{"socket", "blocking"} {
			t.Run(transport+" "+name, func(t *testing.T) {
				h := newEcho()
				p, c := connect(t, transport, Options{}, h)
				p.write(text("a"), frame(true, ws.OpText, []byte("half"))[:7])
				p.wantText("a")
				end(p.Conn.(*net.TCPConn))
				if err := h.wait(t); err.Code != CodeAbnormal || err.Remote {
					t.Errorf("OnClose got %v", err)
				}
				waitFor(t, func() bool { return c.hub.Count() == 0 })
			})
		}
	}
}

func TestAbortEndsAtOnceWithItsCause(t *testing.T) {
	cause := errors.New("no more")
	h := newEcho()
	p, c := connect(t, "socket", Options{}, h)
	c.Abort(cause)
	if err := h.wait(t); !errors.Is(err, cause) {
		t.Errorf("OnClose got %v", err)
	}
	if f, ok := p.read(); ok {
		t.Errorf("a frame: %v", f.Header)
	}
}

type panicking struct{ *echo }

func (panicking) OnMessage(*Conn, []byte, bool) { panic("on purpose") }

func TestPanicOfAHandlerClosesItsConnectionOnly(t *testing.T) {
	h := newEcho()
	p, _ := connect(t, "socket", Options{}, panicking{h})
	p.write(text("x"))
	if reason := p.wantClose(1011); reason != "internal error" {
		t.Errorf("reason %q", reason)
	}
	if err := h.wait(t); err.Code != 1011 {
		t.Errorf("OnClose got %v", err)
	}
}

func TestShutdownClosesAllWith1001(t *testing.T) {
	hub := NewHub(Options{})
	var peers []*peer
	var handlers []*echo
	for range 40 {
		server, client := tcpPair(t)
		c := newConn(server, hub.opts, true)
		c.hub = hub
		h := newEcho()
		c.Start(h)
		peers, handlers = append(peers, &peer{client, t}), append(handlers, h)
	}
	done := make(chan error)
	go func() { done <- hub.Shutdown(context.Background(), "server stops") }()
	for i, p := range peers {
		if reason := p.wantClose(1001); reason != "server stops" {
			t.Errorf("reason %q", reason)
		}
		_ = p.Close()
		if err := handlers[i].wait(t); !errors.Is(err, ErrShutdown) {
			t.Errorf("OnClose got %v", err)
		}
	}
	if err := <-done; err != nil || hub.Count() != 0 {
		t.Errorf("%v, %d left", err, hub.Count())
	}
	server, client := tcpPair(t)
	late := newConn(server, hub.opts, true)
	late.hub = hub
	late.Start(newEcho())
	p := &peer{client, t}
	p.wantClose(1001)
	_ = p.Close()
	waitFor(t, func() bool { return hub.Count() == 0 })
}

func TestShutdownCutsWhoDoesNotEndInTime(t *testing.T) {
	hub := NewHub(Options{})
	server, client := tcpPair(t)
	defer client.Close()
	c := newConn(server, hub.opts, true)
	c.hub = hub
	c.Start(newEcho())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := hub.Shutdown(ctx, "now"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut 1 connections") {
		t.Errorf("got %v", err)
	}
	waitFor(t, func() bool { return hub.Count() == 0 })
}
