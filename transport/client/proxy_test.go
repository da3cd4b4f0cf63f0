package client_test

import (
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// proxy stands between client and server and cuts connections.
type proxy struct {
	url      string
	listener net.Listener
	target   string // guarded by mu
	work     sync.WaitGroup

	// budget says how many bytes a new connection may carry towards the server
	// and back before it is cut; negative is no end. It is called by one
	// goroutine. Nil: no end.
	budget func() (up, down int)

	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool // connections are cut as they come
	made  int
}

// newProxy puts a proxy in front of a server.
func newProxy(t *testing.T, url string, budget func() (up, down int)) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/ws/jsonrpc")
	p := &proxy{
		url: "ws://" + l.Addr().String() + "/ws/jsonrpc", listener: l, target: host,
		budget: budget, conns: make(map[net.Conn]bool),
	}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.setDown(true)
		p.work.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		up, down := -1, -1
		if p.budget != nil {
			up, down = p.budget()
		}
		p.work.Go(func() { p.carry(conn, up, down) })
	}
}

func (p *proxy) carry(conn net.Conn, up, down int) {
	defer conn.Close()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	for _, c := range []net.Conn{conn, server} { // holds little by itself
		_, _ = c.(*net.TCPConn).SetReadBuffer(64<<10), c.(*net.TCPConn).SetWriteBuffer(64<<10)
	}
	if !p.add(conn, server) {
		return
	}
	defer p.remove(conn, server)
	var both sync.WaitGroup
	both.Go(func() { pass(server, conn, up); _, _ = server.Close(), conn.Close() })
	both.Go(func() { pass(conn, server, down); _, _ = server.Close(), conn.Close() })
	both.Wait()
}

// pass copies n bytes, or all when n is negative.
func pass(to, from net.Conn, n int) {
	if n < 0 {
		_, _ = io.Copy(to, from)
		return
	}
	_, _ = io.CopyN(to, from, int64(n))
}

func (p *proxy) add(both ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return false
	}
	p.made++
	for _, c := range both {
		p.conns[c] = true
	}
	return true
}

func (p *proxy) remove(both ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range both {
		delete(p.conns, c)
	}
}

// cut breaks the connections of now and returns how many were made so far.
func (p *proxy) cut() (made int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	return p.made
}

// setDown cuts all connections, and new ones as they come while it is down.
func (p *proxy) setDown(down bool) {
	p.mu.Lock()
	p.down = down
	p.mu.Unlock()
	if down {
		p.cut()
	}
}

// noise is what the program noise writes with these arguments: bytes of all
// values and characters of several bytes, in pieces of all sizes, on both
// streams.
func noise(seed uint64, size int, write func(stream int, p []byte) error) error {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r := rand.New(source)
	for size > 0 {
		n := min(1+r.IntN(1<<r.IntN(15)), size)
		p := make([]byte, n)
		if r.IntN(3) > 0 {
			copy(p, strings.Repeat("abc\nüß€𝄞"[r.IntN(3):], n/8+1)) // cut anywhere
		} else {
			_, _ = source.Read(p)
		}
		if err := write(r.IntN(2), p); err != nil {
			return err
		}
		size -= n
	}
	return nil
}

// written is what noise writes on each stream.
func written(seed uint64, size int) (both [2][]byte) {
	_ = noise(seed, size, func(stream int, p []byte) error {
		both[stream] = append(both[stream], p...)
		return nil
	})
	return both
}

// noisy is the program noise SEED SIZE.
func noisy(r *fake.Run) int {
	seed, _ := strconv.ParseUint(r.Arg(0), 10, 64)
	size, _ := strconv.Atoi(r.Arg(1))
	to := []io.Writer{r.Stdout(), r.Stderr()}
	if noise(seed, size, func(stream int, p []byte) error { _, err := to[stream].Write(p); return err }) != nil {
		return 1
	}
	return 0
}
