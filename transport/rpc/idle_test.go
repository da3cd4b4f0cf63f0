//go:build linux && !race

package rpc

import (
	"bytes"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
)

// BenchmarkIdleConnection reports what a connection costs that waits, with the
// session it created. Target: 8 KB.
//
//	go test ./transport -run xxx -bench Idle -benchtime 2000x
func BenchmarkIdleConnection(b *testing.B) {
	heap, stack := idleCost(b, b.N)
	b.ReportMetric(heap, "B-heap/connection")
	b.ReportMetric(stack, "B-stack/connection")
	b.ReportMetric(heap+stack, "B/connection")
}

// The benchmark's figures, with room for what other tests leave behind.
func TestAnIdleConnectionWithItsSessionIsSmall(t *testing.T) {
	if heap, stack := idleCost(t, 1000); heap > 6<<10 || stack > 2<<10+512 {
		t.Errorf("an idle connection takes %.0f bytes of heap and %.0f of stack", heap, stack)
	}
}

// idleCost is the memory in bytes of each of n connections. The client is a
// descriptor, of which Go knows nothing: it costs this process no memory. The
// environment of the fake runtime is counted.
func idleCost(tb testing.TB, n int) (heap, stack float64) {
	w := newWorld(tb, setup{actors: actors.Options{MaxSessions: n + 1}})
	clients := make([]int, 0, n)
	before := inUse()
	for range n {
		clients = append(clients, idleClient(tb, w))
	}
	after := inUse()
	per := func(after, before uint64) float64 { return (float64(after) - float64(before)) / float64(n) }
	for _, fd := range clients {
		syscall.Close(fd)
	}
	return per(after.HeapAlloc, before.HeapAlloc), per(after.StackInuse, before.StackInuse)
}

// idleClient connects, creates a session, reads the reply, sends what answers
// two pings, and waits.
func idleClient(tb testing.TB, w *world) (fd int) {
	addr, err := net.ResolveTCPAddr("tcp", w.addr)
	if err != nil {
		tb.Fatal(err)
	}
	if fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}); err != nil {
		tb.Fatal(err)
	}
	say(tb, fd, []byte("GET /ws/jsonrpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"), "\r\n\r\n")
	const create = `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}`
	say(tb, fd, append([]byte{0x81, 0x80 | byte(len(create)), 0, 0, 0, 0}, create...), `"id":1,"result"`) // masked with zeros
	pong := []byte{0x8a, 0x80, 0, 0, 0, 0}
	ping := []byte{0x89, 0x80, 0, 0, 0, 0}
	say(tb, fd, append(append(pong, pong...), ping...), "\x8a\x00")
	return fd
}

// say writes a message and reads until the answer holds a text.
func say(tb testing.TB, fd int, message []byte, until string) {
	if _, err := syscall.Write(fd, message); err != nil {
		tb.Fatal(err)
	}
	var answer [4096]byte
	for got := 0; !bytes.Contains(answer[:got], []byte(until)); {
		n, err := syscall.Read(fd, answer[got:])
		if n <= 0 || err != nil {
			tb.Fatalf("waiting for %q after %q: %v", until, strings.TrimSpace(string(answer[:got])), err)
		}
		got += n
	}
}
