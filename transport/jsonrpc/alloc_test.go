//go:build !race

package jsonrpc_test

import (
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

func TestEnvelopeAllocatesNothing(t *testing.T) {
	msg := []byte(`{"jsonrpc":"2.0","id":"a","method":"session.get","params":{"sessionId":"s"}}`)
	var p jsonrpc.Parser
	var out discard
	result := &struct{ State string }{"Idle"}
	encode := func(dst []byte) []byte {
		dst, _ = jsonrpc.AppendResult(dst, jsonrpc.ID("1"), result)
		return dst
	}
	serve := func(_ *jsonrpc.Request, to jsonrpc.Replier) { to.Reply(encode) }
	if n := testing.AllocsPerRun(1000, func() { p.Parse(msg, &out, jsonrpc.HandlerFunc(serve)) }); n >= 1 {
		t.Errorf("%v allocations for a request and its reply", n)
	}
}
