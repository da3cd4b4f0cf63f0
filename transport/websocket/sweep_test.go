package websocket

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// Who never answers is closed when the third ping would be due.
func TestTwoUnansweredPingsClose(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := newEcho()
			p, _ := connect(t, transport, Options{PingInterval: 40 * time.Millisecond}, h)
			pings := 0
			for {
				f, ok := p.read()
				if !ok {
					t.Fatal("no close frame")
				}
				if f.Header.OpCode == ws.OpClose {
					break
				}
				if f.Header.OpCode == ws.OpPing {
					pings++
				}
			}
			if err := h.wait(t); pings != 2 || err.Code != CodePolicy {
				t.Errorf("%d pings, then %v", pings, err)
			}
			_ = p.Close()
		})
	}
}

func TestAnsweredPingsKeepAnIdleConnection(t *testing.T) {
	h := newEcho()
	p, _ := connect(t, "socket", Options{PingInterval: 20 * time.Millisecond}, h)
	for range 10 {
		f, ok := p.read()
		if !ok || f.Header.OpCode != ws.OpPing {
			t.Fatalf("got %v", f.Header)
		}
		p.write(frame(true, ws.OpPong, f.Payload))
	}
	p.write(text("still here"))
	for {
		f, ok := p.read()
		if !ok {
			t.Fatal("closed")
		}
		if f.Header.OpCode == ws.OpText {
			return
		}
	}
}

func TestMessageThatArrivesSlowlyIsNotTakenForSilence(t *testing.T) {
	h := newEcho()
	p, _ := connect(t, "socket", Options{PingInterval: 20 * time.Millisecond}, h)
	msg := text("slowly slowly slowly")
	for i := range msg { // longer than three intervals
		time.Sleep(8 * time.Millisecond)
		p.write(msg[i : i+1])
	}
	for {
		f, ok := p.read()
		if !ok || f.Header.OpCode == ws.OpClose {
			t.Fatalf("closed: %s", f.Payload)
		}
		if f.Header.OpCode == ws.OpText {
			return
		}
	}
}
