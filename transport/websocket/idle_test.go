//go:build linux && !race

package websocket

import (
	"bytes"
	"net"
	"runtime"
	"slices"
	"testing"

	"github.com/gobwas/ws"
)

// quiet is a handler without memory of its own.
type quiet struct{}

func (quiet) OnMessage(c *Conn, msg []byte, _ bool) {
	c.Reply(func(dst []byte) []byte { return append(dst, msg...) })
}
func (quiet) OnClose(*Conn, *CloseError) {}

// In small: idle connections that have served a large message hold no
// buffer, and after two pings not the stack that it needed either. The client's
// socket counts too, it lives in the same process.
func TestIdleConnectionsHoldNoBuffersAndSmallStacks(t *testing.T) {
	const n = 1000
	heap, stack := inUse()
	hub, peers, conns := startMany(t, n)
	big := text(string(bytes.Repeat([]byte("x"), 20_000)))
	pings := slices.Concat(frame(true, ws.OpPong, nil), frame(true, ws.OpPong, nil), frame(true, ws.OpPing, nil))
	for _, message := range [][]byte{big, pings} {
		for _, p := range peers {
			p.write(message)
			if f, ok := p.read(); !ok || f.Header.OpCode != ws.OpText && f.Header.OpCode != ws.OpPong {
				t.Fatalf("got %v", f.Header)
			}
		}
	}
	waitFor(t, func() bool {
		return !slices.ContainsFunc(conns, func(c *Conn) bool { return c.flushing.Load() })
	})
	heapNow, stackNow := inUse()
	heap, stack = (heapNow-heap)/n, (stackNow-stack)/n
	t.Logf("%d bytes of heap, with its client's socket, and %d of stack for an idle connection", heap, stack)
	if heap > 3<<10 || stack > 2<<10+512 {
		t.Errorf("an idle connection holds %d bytes of heap and %d of stack", heap, stack)
	}
	for i, p := range peers {
		conns[i].mu.Lock()
		if conns[i].out != nil || conns[i].dec.msg != nil {
			t.Error("an idle connection holds a buffer")
		}
		conns[i].mu.Unlock()
		_ = p.Conn.(*net.TCPConn).SetLinger(0) // a storm of resets
		_ = p.Close()
	}
	waitFor(t, func() bool { return hub.Count() == 0 })
	hub.sweep.end()
}

// startMany starts n connections of a hub.
func startMany(t *testing.T, n int) (hub *Hub, peers []*peer, conns []*Conn) {
	hub = NewHub(Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for range n {
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(server, hub.opts, true)
		c.hub = hub
		c.Start(quiet{})
		peers, conns = append(peers, &peer{client, t}), append(conns, c)
	}
	return hub, peers, conns
}

// inUse is the heap and the stacks in use once the pools are empty.
func inUse() (heap, stack int64) {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}
