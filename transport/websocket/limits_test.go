package websocket

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// header declares a masked text frame of n bytes, fin or not.
func header(n uint64, fin bool) []byte {
	b := []byte{0x01, 0xff}
	if fin {
		b[0] |= 0x80
	}
	b = binary.BigEndian.AppendUint64(b, n)
	return append(b, 0, 0, 0, 0) // a mask that changes nothing
}

// What is declared costs nothing.
func TestDeclaredLengthOverTheLimitIs1009AndAllocatesNothing(t *testing.T) {
	for _, n := range []uint64{16<<20 + 1, 1 << 34, 1<<63 - 1} {
		p, _ := connect(t, "socket", Options{}, newEcho())
		p.write(header(n, true), []byte("abc"))
		if reason := p.wantClose(1009); reason != "message over 16777216 bytes" {
			t.Errorf("reason %q does not name the limit", reason)
		}
	}
	d := decoder{side: ws.StateServerSide, limit: 16 << 20}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := d.feed(append(header(16<<20, true), "abc"...), &heard{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > keepBytes+4096 {
		t.Errorf("a declared length of 16 MiB and three bytes allocated %d bytes", grown)
	}
	d.release()
}

func TestLimitHoldsOverAllFragments(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := newEcho()
			p, _ := connect(t, transport, Options{MessageBytes: 1000}, h)
			part := []byte(strings.Repeat("x", 400))
			first := frame(false, ws.OpText, part)
			p.send(
				first, frame(false, 0, part), frame(true, 0, part[:200]), // 1000
				text("next"),
				first, frame(false, 0, part), frame(true, ws.OpPing, nil), frame(true, 0, part[:201])) // 1001
			p.wantText(strings.Repeat("x", 1000))
			p.wantText("next")
			if f, _ := p.read(); f.Header.OpCode != ws.OpPong {
				t.Errorf("got %v", f.Header)
			}
			if reason := p.wantClose(1009); reason != "message over 1000 bytes" {
				t.Errorf("reason %q", reason)
			}
			if err := h.wait(t); err.Code != 1009 {
				t.Errorf("OnClose got %v", err)
			}
		})
	}
}

func TestMessageThatDoesNotCompleteIsCut(t *testing.T) {
	for name, start := range map[string][]byte{
		"part of a header":   {0x81},
		"header":             header(70000, true),
		"part of a payload":  append(header(70000, true), "abc"...),
		"fragment":           frame(false, ws.OpText, []byte("abc")),
		"part of a ping":     frame(true, ws.OpPing, []byte("abc"))[:7],
		"after good message": append(text("ok"), header(70000, true)...),
	} {
		for _, transport := range transports {
			t.Run(fmt.Sprint(transport, " ", name), func(t *testing.T) {
				h := newEcho()
				p, _ := connect(t, transport, Options{FrameTimeout: 50 * time.Millisecond}, h)
				p.send(start)
				p.wantClose(1008)
				if err := h.wait(t); !strings.Contains(err.Reason, "not complete") {
					t.Errorf("OnClose got %v", err)
				}
			})
		}
	}
}

func TestDeadlineEndsWithTheMessage(t *testing.T) {
	h := newEcho()
	p, c := connect(t, "socket", Options{FrameTimeout: 100 * time.Millisecond}, h)
	part := text("whole")
	p.write(part[:3])
	waitFor(t, c.arrived.Load)
	p.write(part[3:])
	p.wantText("whole")
	select {
	case err := <-h.closed:
		t.Errorf("an idle connection was closed: %v", err)
	case <-time.After(300 * time.Millisecond): // the old deadline, three times
	}
	p.write(text("more"))
	p.wantText("more")
}

// Replies and what sources have pass the same bound. What is too large is
// replaced, or left out when the replacement is too large as well.
func TestNothingLargerThanTheBoundIsSent(t *testing.T) {
	const most = 20
	instead := func(dst []byte, start, limit int) []byte {
		if limit != most {
			t.Errorf("the bound is %d", limit)
		}
		if dst[start] == 'b' {
			return append(dst[:start], strings.Repeat("x", most+1)...)
		}
		return append(dst[:start], "instead"...)
	}
	for _, c := range []struct {
		oversize func([]byte, int, int) []byte
		want     []string
	}{
		{instead, []string{"before: a reply that is too long", "fits", "instead", "note 0", "end"}},
		{nil, []string{"before: a reply that is too long", "fits", "note 0", "end"}},
	} {
		p, conn := connect(t, "socket", Options{Oversize: c.oversize}, newEcho())
		reply(conn, "before: a reply that is too long")
		conn.Bound(most)
		if conn.Room() != most {
			t.Errorf("room for %d", conn.Room())
		}
		reply(conn, "fits")
		reply(conn, strings.Repeat("a", most+1))
		reply(conn, strings.Repeat("b", most+1))
		for _, want := range c.want[:len(c.want)-2] {
			p.wantText(want)
		}
		r := attach(conn, "note")
		r.ready = append(r.ready, strings.Repeat("b", 200_000))
		r.add(1)
		p.wantText("note 0")
		reply(conn, "end")
		p.wantText("end")
	}
}
