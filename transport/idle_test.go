//go:build linux && !race

package transport

import (
	"bytes"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
)

// BenchmarkIdleConnection reports what a connection costs that waits, with the
// session it created. Target: 8 KB (actors-transport.md, section 1). The client
// is a descriptor, of which Go knows nothing: it costs this process no memory.
// The environment of the fake runtime is counted.
//
//	go test ./transport -run xxx -bench Idle -benchtime 2000x
func BenchmarkIdleConnection(b *testing.B) {
	w := newWorld(b, setup{actors: actors.Options{MaxSessions: b.N + 1}})
	clients := make([]int, 0, b.N)
	before := inUse()
	b.ResetTimer()
	for range b.N {
		clients = append(clients, idleClient(b, w))
	}
	b.StopTimer()
	after := inUse()
	per := func(after, before uint64) float64 { return (float64(after) - float64(before)) / float64(b.N) }
	heap, stack := per(after.HeapAlloc, before.HeapAlloc), per(after.StackInuse, before.StackInuse)
	b.ReportMetric(heap, "B-heap/connection")
	b.ReportMetric(stack, "B-stack/connection")
	b.ReportMetric(heap+stack, "B/connection")
	for _, fd := range clients {
		syscall.Close(fd)
	}
}

// idleClient connects, creates a session, reads the reply and waits.
func idleClient(b *testing.B, w *world) (fd int) {
	addr, err := net.ResolveTCPAddr("tcp", w.addr)
	if err != nil {
		b.Fatal(err)
	}
	if fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		b.Fatal(err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}); err != nil {
		b.Fatal(err)
	}
	say(b, fd, []byte("GET /ws/jsonrpc HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"), "\r\n\r\n")
	const create = `{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}`
	say(b, fd, append([]byte{0x81, 0x80 | byte(len(create)), 0, 0, 0, 0}, create...), `"id":1,"result"`) // masked with zeros
	pong := []byte{0x8a, 0x80, 0, 0, 0, 0}
	ping := []byte{0x89, 0x80, 0, 0, 0, 0}
	say(b, fd, append(append(pong, pong...), ping...), "\x8a\x00")
	return fd
}

// say writes a message and reads until the answer holds a text.
func say(b *testing.B, fd int, message []byte, until string) {
	if _, err := syscall.Write(fd, message); err != nil {
		b.Fatal(err)
	}
	var answer [4096]byte
	for got := 0; !bytes.Contains(answer[:got], []byte(until)); {
		n, err := syscall.Read(fd, answer[got:])
		if n <= 0 || err != nil {
			b.Fatalf("waiting for %q after %q: %v", until, strings.TrimSpace(string(answer[:got])), err)
		}
		got += n
	}
}

// inUse is the memory in use once the pools are empty and the stacks shrunk.
func inUse() (m runtime.MemStats) {
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}
