package rpc

import (
	"fmt"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// BenchmarkManySessions is what calls about one session, or one page, cost in a
// server with few sessions and with many: they should cost the same.
//
//	go test ./transport/rpc -run xxx -bench ManySessions -benchtime 300x -count 5
func BenchmarkManySessions(b *testing.B) {
	for _, sessions := range []int{100, 10_000} {
		w := newWorld(b, setup{actors: actors.Options{MaxSessions: 20_000}, types: []runtimes.Type{runtimes.Native}})
		for range sessions {
			if _, _, err := w.system.Create(b.Context(), createDefaults(nil)); err != nil {
				b.Fatal(err)
			}
		}
		p := w.dial(websocket.DialOptions{})
		for name, message := range map[string]string{
			"list100": `{"jsonrpc":"2.0","id":1,"method":"session.list","params":{"limit":100}}`,
			"list10":  `{"jsonrpc":"2.0","id":1,"method":"session.list","params":{"limit":10}}`,
			"unknown": `{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"sessionId":"n1.00000000000000000000000000"}}`,
		} {
			b.Run(fmt.Sprintf("%s/sessions=%d", name, sessions), func(b *testing.B) {
				for b.Loop() {
					p.ask(message)
				}
			})
		}
		b.Run(fmt.Sprintf("create/sessions=%d", sessions), func(b *testing.B) {
			var took time.Duration
			n := 0
			for b.Loop() {
				begin := time.Now()
				s, _, err := w.system.Create(b.Context(), createDefaults(nil))
				took += time.Since(begin)
				n++
				if err != nil {
					b.Fatal(err)
				}
				done := make(chan struct{})
				s.Send(&actors.Call{Request: &actors.Close{}, Caller: closed(done)})
				<-done
			}
			b.ReportMetric(float64(took.Microseconds())/float64(n), "µs/create")
		})
	}
}

// closed is a Caller that waits for a close.
type closed chan struct{}

func (c closed) Reply(any, error) { close(c) }
