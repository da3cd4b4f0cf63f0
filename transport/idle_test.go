package transport

import (
	"bufio"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
)

// BenchmarkIdleConnection reports what a connection costs that waits, with the
// session it created. Target: 8 KB (actors-transport.md, section 1). The
// client's side, a bare socket, is counted too.
//
//	go test ./transport -run xxx -bench Idle -benchtime 2000x
func BenchmarkIdleConnection(b *testing.B) {
	w := newWorld(b, setup{actors: actors.Options{MaxSessions: b.N + 1}})
	clients := make([]net.Conn, 0, b.N)
	before := inUse()
	b.ResetTimer()
	for range b.N {
		clients = append(clients, idleClient(b, w))
	}
	b.StopTimer()
	b.ReportMetric(float64(inUse()-before)/float64(b.N), "B/connection")
	for _, c := range clients {
		c.Close()
	}
}

// idleClient connects, creates a session, reads the reply and waits.
func idleClient(b *testing.B, w *world) net.Conn {
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		b.Fatal(err)
	}
	_, err = c.Write([]byte("GET /ws/jsonrpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReaderSize(c, 1024)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("handshake: %v", err)
	}
	const create = `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}`
	frame := append([]byte{0x81, 0x80 | byte(len(create)), 0, 0, 0, 0}, create...) // masked with zeros
	if _, err := c.Write(frame); err != nil {
		b.Fatal(err)
	}
	header := make([]byte, 4)
	if _, err := r.Read(header); err != nil || header[0] != 0x81 {
		b.Fatalf("reply: %v %v", header, err)
	}
	return c
}

// inUse is the memory of heap and stacks.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
