package jsonrpc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// executeParams stands for the params of session.execute.
type executeParams struct {
	SessionID string `json:"sessionId"`
	Command   struct {
		Type    string `json:"type"`
		Path    string `json:"path"`
		Content string `json:"content"`
	} `json:"command"`
}

// discard is a Replier that keeps its buffer, as a connection does.
type discard struct{ b []byte }

func (d *discard) Reply(encode func([]byte) []byte) { d.b = encode(d.b[:0]) }

// Claim: the envelope costs no allocation at any size; params cost their
// strings.
func BenchmarkParse(b *testing.B) {
	for _, size := range []int{100, 4000, 64000} {
		msg := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":12345,"method":"session.execute","params":{"sessionId":"n1.01JABCDEF",`+
			`"command":{"type":"write_file","path":"a.txt","content":"%s"}}}`, strings.Repeat("x", size))
		b.Run(fmt.Sprintf("envelope/%d", size), func(b *testing.B) {
			var p jsonrpc.Parser
			var out discard
			n := 0
			serve := func(r *jsonrpc.Request, _ jsonrpc.Replier) { n += len(r.Method) }
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				p.Parse(msg, &out, jsonrpc.HandlerFunc(serve))
			}
		})
		b.Run(fmt.Sprintf("with params/%d", size), func(b *testing.B) {
			var p jsonrpc.Parser
			var out discard
			serve := func(r *jsonrpc.Request, _ jsonrpc.Replier) {
				var params executeParams
				if err := jsonrpc.DecodeParams(r.Params, &params); err != nil {
					b.Error(err)
				}
			}
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				p.Parse(msg, &out, jsonrpc.HandlerFunc(serve))
			}
		})
	}
}

// Claim: no allocation at any size.
func BenchmarkAppendResult(b *testing.B) {
	type result struct {
		Success bool    `json:"success"`
		Stdout  string  `json:"stdout"`
		Code    *int    `json:"exitCode"`
		Millis  float64 `json:"durationMs"`
	}
	for _, size := range []int{100, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			res := &result{Success: true, Stdout: strings.Repeat("line of output\n", size/15), Millis: 1.5}
			id := jsonrpc.ID("12345")
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = jsonrpc.AppendResult(dst[:0], id, res)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}
