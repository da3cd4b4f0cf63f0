package transport

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Behind a proxy on this machine everybody has its address: the limits hold there
// too, and say which one it was.
func TestConnectionsOverALimitAreToldSo(t *testing.T) {
	for _, c := range []struct {
		each, all int
		says      string
	}{{2, 0, "max-connections, of one address, is 2"}, {0, 2, "the number of connections of this server is 2"}} {
		bare, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := limitConnections(bare, c.each, c.all)
		accepted := make(chan net.Conn, 10)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					close(accepted)
					return
				}
				accepted <- conn
			}
		}()
		dial := func() net.Conn {
			conn, err := net.Dial("tcp", bare.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
		dial()
		dial()
		first, second := <-accepted, <-accepted
		answer, err := http.ReadResponse(bufio.NewReader(dial()), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), c.says) {
			t.Errorf("%v, %d: %s", err, answer.StatusCode, body)
		}
		_ = answer.Body.Close()
		_ = first.Close()
		dial()
		third := <-accepted // the place of the first is free
		_, _ = second.Close(), third.Close()
		_ = bare.Close()
		for range accepted {
		}
	}
}
