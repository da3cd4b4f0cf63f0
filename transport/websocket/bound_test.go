package websocket

import (
	"strings"
	"testing"
)

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
