package rpc

import (
	"runtime"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// inUse is the memory in use once the pools are empty and the stacks shrunk.
func inUse() (m runtime.MemStats) {
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}

// bytesInUse is what is in use of heap and stacks, without garbage.
func bytesInUse() int64 {
	m := inUse()
	return int64(m.HeapAlloc + m.StackInuse)
}

func TestACreateThatTheMachineHasNoMemoryForIsBusy(t *testing.T) {
	w := newWorld(t, setup{actors: actors.Options{HostMemoryBytes: 100 << 20, MemoryOvercommit: 1}})
	p := w.dial(websocket.DialOptions{})
	id := p.create(`{"language":"python","memoryLimitMB":64}`)
	const second = `{"jsonrpc":"2.0","id":7,"method":"session.create","params":{"language":"python","memoryLimitMB":64}}`
	p.send(second)
	got := p.reply(7)
	for _, want := range []string{`"code":-32005`, `"limit":"memory"`, `"maximum":100`, `"retryAfterMs":`, "--host-memory-share"} {
		if !strings.Contains(got, want) {
			t.Errorf("without %s: %s", want, got)
		}
	}
	p.ask(`{"jsonrpc":"2.0","id":8,"method":"session.close","params":{"sessionId":"` + id + `"}}`)
	p.send(second)
	if got := p.reply(7); !strings.Contains(got, `"sessionId"`) {
		t.Errorf("after the first was closed: %s", got)
	}
}
