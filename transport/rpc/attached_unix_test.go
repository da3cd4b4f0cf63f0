//go:build unix

package rpc

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(syscall.TimevalToNsec(u.Utime) + syscall.TimevalToNsec(u.Stime))
}

// BenchmarkAttachedClients reports what clients cost that are attached to a
// running execution and wait: memory of each, and the time all of them need in
// a second. The client's side, a bare socket and its buffer of 4 KB, is counted
// too.
//
//	go test ./transport -run xxx -bench Attached -benchtime 1000x
func BenchmarkAttachedClients(b *testing.B) {
	w := newWorld(b, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	execution := p.background(session, "cat")
	before := bytesInUse()
	b.ResetTimer()
	for range b.N {
		client, err := streamtest.Dial(w.addr)
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		params := protocol.ExecutionRef{SessionID: session, ExecutionID: execution}
		if err := client.Call(protocol.MethodExecutionAttach, &params, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(bytesInUse()-before)/float64(b.N), "B/client")
	const idle = 2 * time.Second
	busy := cpuTime()
	time.Sleep(idle)
	b.ReportMetric(float64((cpuTime()-busy).Microseconds())/idle.Seconds(), "cpu-µs/s")
	p.send(fmt.Sprintf(`{"jsonrpc":"2.0","method":"session.close","params":{"sessionId":%q}}`, session))
}
