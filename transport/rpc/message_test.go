package rpc

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/websocket"
)

func (p *peer) sendBinary(message string) {
	p.conn.Binary(func(dst []byte) []byte { return append(dst, message...) })
}

// What a binary message holds is read like a text; what is not UTF-8 is a
// parse error, after which the connection works.
func TestABinaryMessageIsServedWhenItIsText(t *testing.T) {
	p := newWorld(t, setup{}).dial(websocket.DialOptions{})
	const request = `{"jsonrpc":"2.0","id":1,"method":"language.list"}`
	p.sendBinary(request)
	if got := p.receive(); !strings.Contains(got, `"languages"`) {
		t.Errorf("a request: %.200s", got)
	}
	for name, bad := range map[string]string{
		"bytes": "\xff\xfe\x00", "a request with a byte": strings.Replace(request, "language", "\xc3(", 1),
		"a byte order mark": "\ufeff" + request, "a nul behind": request + "\x00",
	} {
		p.sendBinary(bad)
		if got := p.receive(); !strings.Contains(got, `"code":-32700`) || !strings.Contains(got, `"id":null`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	p.send(request)
	if got := p.receive(); !strings.Contains(got, `"languages"`) {
		t.Errorf("afterwards: %.200s", got)
	}
}

// A message over the limit closes with the limit in the reason, and costs
// nobody else anything.
func TestAMessageOverTheLimitClosesItsConnectionOnly(t *testing.T) {
	w := newWorld(t, setup{door: Options{WebSocket: websocket.Options{MessageBytes: 1000}}})
	p, other := w.dial(websocket.DialOptions{}), w.dial(websocket.DialOptions{})
	fits := `{"jsonrpc":"2.0","id":1,"method":"language.list"` + strings.Repeat(" ", 1000)
	fits = fits[:999] + "}"
	if got := p.ask(fits); !strings.Contains(got, `"languages"`) {
		t.Errorf("at the limit: %.200s", got)
	}
	p.send(fits + " ")
	if err := p.closeError(); err.Code != websocket.CodeTooBig || err.Reason != "message over 1000 bytes" {
		t.Errorf("over the limit: %v", err)
	}
	if got := other.ask(fits); !strings.Contains(got, `"languages"`) {
		t.Errorf("the other connection: %.200s", got)
	}
}
