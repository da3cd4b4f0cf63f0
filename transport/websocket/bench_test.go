package websocket

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// naive is the echo that the documentation of gobwas begins with.
func naive(nc net.Conn) {
	defer nc.Close()
	for {
		msg, op, err := wsutil.ReadClientData(nc)
		if err != nil {
			return
		}
		if err := wsutil.WriteServerMessage(nc, op, msg); err != nil {
			return
		}
	}
}

// Claim: at depth 1 not slower than the naive echo, pipelined several times
// faster, without an allocation a message. 64 connections on loopback, the
// client on the same processors; both in one run.
func BenchmarkEcho(b *testing.B) {
	for _, depth := range []int{1, 16} {
		b.Run(fmt.Sprint("ours/depth ", depth), func(b *testing.B) {
			hub := NewHub(Options{})
			defer hub.sweep.end()
			benchEcho(b, depth, func(nc net.Conn) {
				c := newConn(nc, hub.opts, true)
				c.hub = hub
				c.Start(echoing{})
			})
			waitFor(b, func() bool { return hub.Count() == 0 })
		})
		b.Run(fmt.Sprint("wsutil/depth ", depth), func(b *testing.B) {
			benchEcho(b, depth, func(nc net.Conn) { go naive(nc) })
		})
	}
}

type echoing struct{}

func (echoing) OnMessage(c *Conn, msg []byte, _ bool) {
	c.Reply(func(dst []byte) []byte { return append(dst, msg...) })
}
func (echoing) OnClose(*Conn, *CloseError) {}

func benchEcho(b *testing.B, depth int, start func(net.Conn)) {
	const conns, size = 64, 200
	request := text(string(make([]byte, size)))
	var all []byte
	for range depth {
		all = append(all, request...)
	}
	reply := (ws.HeaderSize(ws.Header{Length: size}) + size) * depth
	clients := make([]net.Conn, conns)
	for i := range clients {
		server, client := tcpPair(b)
		start(server)
		clients[i] = client
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, client := range clients {
		wg.Go(func() {
			buf := make([]byte, reply)
			for range (b.N + i) / conns / depth {
				if _, err := client.Write(all); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(client, buf); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	for _, client := range clients {
		_ = client.Close()
	}
}

// lines is a Source that never ends.
type lines struct{ line []byte }

func (l lines) Pull(dst *Frames) bool {
	for dst.Room() > 0 {
		dst.Text(func(b []byte) []byte { return append(b, l.line...) })
	}
	return true
}

// Claim: output is pulled into large writes, whatever the size of a message,
// and costs no allocation.
func BenchmarkPull(b *testing.B) {
	for _, size := range []int{100, 4000, 32000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			server, client := tcpPair(b)
			c := NewServer(server, Options{})
			c.Start(echoing{})
			buf := make([]byte, 256<<10)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			c.Attach(lines{make([]byte, size)}).Wake()
			b.ResetTimer()
			for left := b.N * size; left > 0; {
				n, err := client.Read(buf)
				if err != nil {
					b.Fatal(err)
				}
				left -= n
			}
			b.StopTimer()
			_ = client.Close()
		})
	}
}
