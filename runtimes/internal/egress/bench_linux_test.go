package egress_test

import (
	"io"
	"net"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

// BenchmarkRelay is the throughput of one connection through a relay beside that
// of a plain one over the loopback interface, from a server that only sends.
func BenchmarkRelay(b *testing.B) {
	egresstest.Use(b)
	p := newPlace(b, egresstest.Policy)
	address := egresstest.Serve(b, egresstest.Address, func(conn net.Conn) {
		for block := make([]byte, 64<<10); ; {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	})
	for name, dial := range map[string]func() (net.Conn, error){
		"relay": func() (net.Conn, error) { return p.dial("tcp", address) },
		"plain": func() (net.Conn, error) { return net.Dial("tcp", address) },
	} {
		b.Run(name, func(b *testing.B) {
			conn, err := dial()
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			const block = 1 << 20
			b.SetBytes(block)
			for b.Loop() {
				if _, err := io.CopyN(io.Discard, conn, block); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
