//go:build linux && !race

package websocket

import (
	"bytes"
	"net"
	"runtime"
	"testing"

	"github.com/gobwas/ws"
)

// quiet is a handler without memory of its own.
type quiet struct{}

func (quiet) OnMessage(c *Conn, msg []byte, _ bool) {
	c.Reply(func(dst []byte) []byte { return append(dst, msg...) })
}
func (quiet) OnClose(*Conn, *CloseError) {}

// W8, in small: idle connections that have served a large message hold no
// buffer. The client's socket counts too, it lives in the same process.
func TestIdleConnectionsHoldNoBuffers(t *testing.T) {
	const n = 1000
	hub := NewHub(Options{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	big := text(string(bytes.Repeat([]byte("x"), 20_000)))
	peers := make([]*peer, 0, n)
	conns := make([]*Conn, 0, n)
	before := inUse()
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
	for _, p := range peers {
		p.write(big)
		if f, ok := p.read(); !ok || f.Header.OpCode != ws.OpText {
			t.Fatalf("got %v", f.Header)
		}
	}
	waitFor(t, func() bool {
		for _, c := range conns {
			if c.flushing.Load() {
				return false
			}
		}
		return true
	})
	per := (inUse() - before) / n
	t.Logf("%d bytes of heap and stack for an idle connection, with its client's socket", per)
	if per > 8<<10 {
		t.Errorf("an idle connection holds %d bytes", per)
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

// inUse is the heap and the stacks in use once the pools are empty.
func inUse() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
