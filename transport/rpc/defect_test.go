package rpc

import (
	"math"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// withHandler puts another handler in place of initialize.
func withHandler(w *world, serve handler) {
	m := *w.door.methods[protocol.MethodInitialize]
	m.serve = serve
	w.door.methods[protocol.MethodInitialize] = &m
}

func TestADefectGetsAnErrorIDAndNothingElseLeavesTheServer(t *testing.T) {
	for name, serve := range map[string]handler{
		"panic":             func(*call, jsonrpc.Raw) error { panic("secret") },
		"panic in convert":  converts(func(*call, any) (any, error) { panic("secret") }),
		"no JSON":           converts(func(*call, any) (any, error) { return math.NaN(), nil }),
		"internal error":    func(*call, jsonrpc.Raw) error { return actors.ErrInternal },
		"unknown error":     converts(func(*call, any) (any, error) { return nil, errSecret{} }),
		"unexpected result": converts(toDetail),
	} {
		w := newWorld(t, setup{})
		withHandler(w, serve)
		p := w.dial(websocket.DialOptions{})
		got := p.ask(`{"jsonrpc":"2.0","id":"x","method":"initialize"}`)
		if !strings.Contains(got, `"id":"x","error":{"code":-32603,"message":"Internal error (error id `) || strings.Contains(got, "secret") || strings.Contains(got, ".go") {
			t.Errorf("%s: %s", name, got)
		}
		id := variable.FindString(got)
		if id == "" || !strings.Contains(w.log.String(), "errorId="+id) {
			t.Errorf("%s: the log has no %q", name, id)
		}
		if got := p.ask(`[{"jsonrpc":"2.0","id":1,"method":"initialize"},{"jsonrpc":"2.0","id":2,"method":"language.list"}]`); !strings.Contains(got, "-32603") || !strings.Contains(got, `"languages"`) {
			t.Errorf("%s, in a batch: %s", name, got)
		}
		if _, body := w.post(t, `{"jsonrpc":"2.0","id":1,"method":"initialize"}`); !strings.Contains(body, "-32603") {
			t.Errorf("%s, over HTTP: %s", name, body)
		}
		if n := w.door.running.Load(); n != 0 {
			t.Errorf("%s: %d calls are counted as running", name, n)
		}
	}
}

type errSecret struct{}

func (errSecret) Error() string { return "secret" }

// converts answers with what convert makes of a number.
func converts(convert func(*call, any) (any, error)) handler {
	return func(c *call, _ jsonrpc.Raw) error {
		c.convert = convert
		c.Reply(7, nil)
		return nil
	}
}
