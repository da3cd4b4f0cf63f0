package rpc

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// writeCounter is a listener whose connections count what is written to them.
type writeCounter struct {
	net.Listener
	writes atomic.Int64
}

func (l *writeCounter) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &writeCountedConn{c, l}, err
}

type writeCountedConn struct {
	net.Conn
	counter *writeCounter
}

func (c *writeCountedConn) Write(p []byte) (int, error) {
	c.counter.writes.Add(1)
	return c.Conn.Write(p)
}

// chatter writes ten thousand pieces of a few bytes.
func chatter(r *fake.Run) int {
	for range 10_000 {
		if _, err := r.Stdout().Write([]byte("a few\n")); err != nil {
			return 1
		}
	}
	return 0
}

func TestTenThousandSmallNotificationsBecomeFewWrites(t *testing.T) {
	counter := &writeCounter{}
	w := newWorld(t, setup{
		fake:     fake.Options{Programs: map[string]fake.Program{"chatter": chatter}},
		listener: func(l net.Listener) net.Listener { counter.Listener = l; return counter },
	})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	count := func(what string, most int64, done string) {
		before, outputs := counter.writes.Load(), 0
		for {
			m := p.receive()
			if strings.Contains(m, protocol.NotifyOutput) {
				outputs++
			} else if strings.Contains(m, done) {
				break
			}
		}
		writes := counter.writes.Load() - before
		if outputs != 10_000 || writes > most {
			t.Errorf("%s: %d notifications took %d writes", what, outputs, writes)
		}
		t.Logf("%s: %d notifications, %d writes", what, outputs, writes)
	}
	p.send(execute("live", session, `{"type":"execute_shell","commandName":"chatter"}`, `,"stream":true`))
	p.receive() // started
	count("while it runs", 2_000, `"id":"live"`)
	list := p.ask(`{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"` + session + `"}}`)
	execution := variable.FindString(strings.ReplaceAll(list, session, ""))
	p.send(`{"jsonrpc":"2.0","id":2,"method":"execution.attach","params":{"sessionId":"` + session + `","executionId":"` + execution + `"}}`)
	count("what is kept", 100, protocol.NotifyCompleted)
}
