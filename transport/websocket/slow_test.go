package websocket

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// endless is a Source that always has more.
type endless struct{ chunk []byte }

func (e endless) Pull(dst *Frames) bool {
	dst.Text(func(b []byte) []byte { return append(b, e.chunk...) })
	return true
}

func newEndless() endless { return endless{bytes.Repeat([]byte("output "), 1000)} }

func TestStalledConsumerIsClosedAndToldWhenItComesBack(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := newEcho()
			p, c := connect(t, transport, Options{StallTimeout: 100 * time.Millisecond}, h)
			start := time.Now()
			c.Attach(newEndless()).Wake()
			err := h.wait(t)
			if took := time.Since(start); err.Code != 1013 || err.Reason != "slow consumer" || took > 3*time.Second {
				t.Errorf("OnClose got %v after %v", err, took)
			}
			if reason := p.wantClose(1013); reason != "slow consumer" {
				t.Errorf("reason %q", reason)
			}
			_ = p.Close()
		})
	}
}

func TestStalledConsumerThatStaysAwayIsCut(t *testing.T) {
	h := newEcho()
	_, c := connect(t, "socket", Options{StallTimeout: 50 * time.Millisecond, CloseTimeout: 100 * time.Millisecond}, h)
	c.Attach(newEndless()).Wake()
	h.wait(t)
	waitFor(t, func() bool { return c.hub.Count() == 0 && !c.flushing.Load() })
}

func TestSlowConsumerThatMakesProgressIsKept(t *testing.T) {
	h := newEcho()
	p, c := connect(t, "pipe", Options{StallTimeout: 100 * time.Millisecond}, h)
	c.Attach(newEndless()).Wake()
	byteByByte := make([]byte, 100)
	for end := time.Now().Add(600 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_ = p.SetReadDeadline(time.Now().Add(soon))
		if _, err := io.ReadFull(p.Conn, byteByByte); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-h.closed:
		t.Errorf("closed: %v", err)
	default:
	}
}

func TestRepliesOverTheQueueClose(t *testing.T) {
	h := newEcho()
	p, c := connect(t, "socket", Options{QueueBytes: 100_000, StallTimeout: soon}, h)
	big := strings.Repeat("x", 30_000)
	for range 2000 {
		reply(c, big)
	}
	if reason := p.wantClose(1013); reason != "slow consumer: over 100000 bytes of replies waiting" {
		t.Errorf("reason %q", reason)
	}
	if err := h.wait(t); err.Code != 1013 {
		t.Errorf("OnClose got %v", err)
	}
}

func TestOneReplyMayBeLargerThanTheQueue(t *testing.T) {
	p, c := connect(t, "socket", Options{QueueBytes: 1000}, newEcho())
	big := strings.Repeat("x", 1<<20)
	reply(c, big)
	p.wantText(big)
	reply(c, "next")
	p.wantText("next")
}

func TestPingsOfAClientThatDoesNotReadAreBounded(t *testing.T) {
	h := newEcho()
	p, _ := connect(t, "socket", Options{QueueBytes: 1000, StallTimeout: soon}, h)
	flood := bytes.Repeat(frame(true, ws.OpPing, bytes.Repeat([]byte("p"), 125)), 1000)
	go func() {
		for {
			if _, err := p.Conn.Write(flood); err != nil {
				return
			}
		}
	}()
	if err := h.wait(t); err.Code != 1013 {
		t.Errorf("OnClose got %v", err)
	}
	_ = p.Conn.(*net.TCPConn).SetLinger(0)
	_ = p.Close()
}

func TestReplyThatAppendsNothingSendsNothing(t *testing.T) {
	p, c := connect(t, "socket", Options{}, newEcho())
	reply(c, "")
	reply(c, "something")
	p.wantText("something")
}

func TestPanicWhileEncodingLeavesTheQueueWhole(t *testing.T) {
	p, c := connect(t, "socket", Options{}, newEcho())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		c.Reply(func(dst []byte) []byte { panic("on purpose") })
	}()
	reply(c, "after")
	p.wantText("after")
}
