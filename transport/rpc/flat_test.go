package rpc

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/streamtest"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Regression of others, R5: 200 MB of output to a client that reads nothing
// leave the server's memory flat, and other sessions as quick as before.
func TestAStalledClientCostsNoMemoryAndSlowsNobody(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	flooded, quiet := p.create(`{"language":"python"}`), p.create(`{"language":"python"}`)
	stalled, err := streamtest.Dial(w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	before := bytesInUse()
	if err := stalled.Send(execute(1, flooded, `{"type":"execute_shell","commandName":"spill","args":["104857600"]}`, `,"stream":true`)); err != nil {
		t.Fatal(err)
	}
	var slowest time.Duration
	most := int64(0)
	for over := false; !over; {
		over = strings.Contains(p.ask(`{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"`+flooded+`"}}`), `"Completed"`)
		start := time.Now()
		if got := p.ask(execute(2, quiet, `{"type":"execute_shell","commandName":"print","args":["x"]}`, "")); !strings.Contains(got, `"success":true`) {
			t.Fatal(got)
		}
		slowest = max(slowest, time.Since(start))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, int64(m.HeapAlloc+m.StackInuse)-before)
	}
	if most > 64<<20 {
		t.Errorf("%d MiB more were in use, of an output of 200 MB", most>>20)
	}
	if slowest > time.Second {
		t.Errorf("another session waited %v", slowest)
	}
	if u := w.system.OutputMemory(); u.Kept > 8<<20 {
		t.Errorf("%d bytes are kept", u.Kept)
	}
	t.Logf("at most %.1f MiB more in use, the slowest command of another session took %v", float64(most)/(1<<20), slowest)
}

// Regression of others, R8.
func TestClientsThatComeBackToUnknownSessionsLeaveNothing(t *testing.T) {
	w := newWorld(t, setup{})
	come := func(n int) {
		for i := range n {
			wire, err := streamtest.Dial(w.addr)
			if err != nil {
				t.Fatal(err)
			}
			for _, method := range []string{protocol.MethodSessionAttach, protocol.MethodSessionGet, protocol.MethodExecutionAttach} {
				params := map[string]string{"sessionId": fmt.Sprintf("n1.%026d", i), "executionId": fmt.Sprintf("%026d", i)}
				if err := wire.Call(method, params, nil, nil); err == nil || !strings.Contains(err.Error(), "-32001") {
					t.Fatalf("%s: %v", method, err)
				}
			}
			if i%2 == 0 {
				wire.Abort()
			} else {
				wire.Close()
			}
		}
		eventually(t, "the connections are gone", func() bool { return w.door.hub.Count() == 0 })
	}
	come(100) // pools fill
	goroutines, heap := runtime.NumGoroutine(), bytesInUse()
	come(1000)
	eventually(t, "their goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	if grown := bytesInUse() - heap; grown > 1<<20 {
		t.Errorf("%d bytes more are in use", grown)
	}
}
