package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// output is an execution.output as it came.
type notification struct {
	Method string
	ID     any
	Params protocol.ExecutionOutput
	Result *protocol.ExecuteResult
}

func parse(t testing.TB, message string) (n notification) {
	t.Helper()
	if err := json.Unmarshal([]byte(message), &n); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	return n
}

func TestMegabytesOfOutputComeWholeInOrderAndBeforeTheReply(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	const size = 20 << 20 // twenty times what is kept
	p.send(execute(1, session, fmt.Sprintf(`{"type":"execute_shell","commandName":"spill","args":["%d"]}`, size), `,"stream":true`))
	bytes, next := map[string]int64{}, int64(0)
	for {
		n := parse(t, p.receive())
		if n.Method == protocol.NotifyOutput {
			if n.Params.Seq != next || n.Params.Offset != bytes[n.Params.Stream] {
				t.Fatalf("seq %d, offset %d; wanted %d, %d", n.Params.Seq, n.Params.Offset, next, bytes[n.Params.Stream])
			}
			next++
			bytes[n.Params.Stream] += int64(len(n.Params.Data))
		} else if n.Method == protocol.NotifyCompleted {
			break
		}
	}
	if bytes["stdout"] != size || bytes["stderr"] != size {
		t.Errorf("got %v", bytes)
	}
	if n := parse(t, p.receive()); n.ID != 1.0 || !n.Result.Success {
		t.Errorf("behind completed: %+v", n)
	}
}

func TestASlowConsumerIsClosedAndComesBackWithWhatItMissed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	w := newWorld(t, setup{door: Options{WebSocket: websocket.Options{StallTimeout: 200 * time.Millisecond}}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	// It follows its own command, so that the program is held up for it from the
	// first byte on, and there is far more than its socket can swallow.
	slow := newSlow(t, w, execute(1, session, `{"type":"execute_shell","commandName":"spill","args":["33554432"]}`, `,"stream":true`))
	defer slow.Close()
	var execution string
	eventually(t, "the program runs", func() bool {
		list := p.ask(`{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"` + session + `"}}`)
		execution = variable.FindString(strings.ReplaceAll(list, session, ""))
		return execution != ""
	})
	eventually(t, "the slow consumer is closed", func() bool { return w.door.hub.Count() == 1 })
	// The program went on without it.
	wait := `{"jsonrpc":"2.0","id":2,"method":"execution.wait","params":{"sessionId":"` + session + `","executionId":"` + execution + `"}}`
	if got := p.ask(wait); !strings.Contains(got, `"Completed"`) {
		t.Fatalf("wait: %.200s", got)
	}
	got := p.ask(`{"jsonrpc":"2.0","id":3,"method":"execution.attach","params":{"sessionId":"` + session + `","executionId":"` + execution + `"}}`)
	if !strings.Contains(got, `"state":"Completed"`) {
		t.Fatalf("attach: %s", got)
	}
	total := 0
	for {
		n := parse(t, p.receive())
		if n.Method == protocol.NotifyCompleted {
			break
		}
		total += len(n.Params.Data)
	}
	if total < 512<<10 || total > 2<<20 {
		t.Errorf("%d bytes were kept", total)
	}
}

// newSlow is a client that sends one message and reads nothing.
func newSlow(t *testing.T, w *world, message string) net.Conn {
	t.Helper()
	var raw net.Conn
	dialer := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		raw = c
		return c, err
	}
	c, err := websocket.Dial(t.Context(), "ws://"+w.addr+"/ws/jsonrpc", websocket.DialOptions{NetDial: dialer})
	if err != nil {
		t.Fatal(err)
	}
	c.Reply(func(dst []byte) []byte { return append(dst, message...) })
	return raw
}

func TestDetachStopsOutputAtOnceAndTheReplyToAStreamStillComes(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, setup{fake: fake.Options{Programs: map[string]fake.Program{"talk": func(r *fake.Run) int {
		fmt.Fprint(r.Stdout(), "before")
		select {
		case <-release:
		case <-r.Killed():
		}
		fmt.Fprint(r.Stdout(), "after")
		return 0
	}}}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	p.send(execute(1, session, `{"type":"execute_shell","commandName":"talk"}`, `,"stream":true`))
	p.receive() // started
	out := parse(t, p.receive())
	if out.Params.Data != "before" {
		t.Fatalf("output: %+v", out)
	}
	p.ask(`{"jsonrpc":"2.0","id":2,"method":"execution.detach","params":{"sessionId":"` + session + `","executionId":"` + out.Params.ExecutionID + `"}}`)
	close(release)
	if n := parse(t, p.receive()); n.ID != 1.0 || !n.Result.Success {
		t.Errorf("behind detach: %+v", n)
	}
}

func TestALargeReplyIsWholeAndHoldsUpNobody(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	content := strings.Repeat("0123456789abcdef", 7<<16) // 7 MiB
	if got := p.ask(execute(1, session, `{"type":"write_file","path":"large","content":"`+content+`"}`, "")); !strings.Contains(got, `"bytes":7340032`) {
		t.Fatalf("write: %.200s", got)
	}
	q := w.dialURL("?maxMessageBytes=16777216", websocket.DialOptions{})
	got := q.ask(execute(2, session, `{"type":"read_file","path":"large"}`, ""))
	if !strings.Contains(got, content) || !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":2,`) {
		t.Errorf("read: %d bytes", len(got))
	}
}
