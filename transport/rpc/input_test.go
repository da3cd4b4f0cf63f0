package rpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// offer sends input and returns how much was accepted, or the error's text.
func (p *peer) offer(session, execution, more string) (accepted int, refused string) {
	p.t.Helper()
	reply := p.ask(of(1, protocol.MethodExecutionInput, session, execution, more))
	var m struct {
		Result *protocol.InputAccepted
		Error  json.RawMessage
	}
	if err := json.Unmarshal([]byte(reply), &m); err != nil {
		p.t.Fatalf("%v: %s", err, reply)
	}
	if m.Result == nil {
		return 0, string(m.Error)
	}
	return m.Result.AcceptedBytes, ""
}

// In small: 64 MiB are offered to a program that
// never reads.
func TestInputThatIsNotReadIsNotAccepted(t *testing.T) {
	w := newWorld(t, setup{fake: fake.Options{Programs: map[string]fake.Program{"deaf": func(r *fake.Run) int {
		<-r.Killed()
		return 1
	}}}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	e := p.background(session, "deaf")
	const each = 4 * runtimes.InputBuffer
	data := `,"data":"` + strings.Repeat("x", each) + `"`
	total := 0
	for range 16 {
		n, refused := p.offer(session, e, data)
		if refused != "" {
			t.Fatal(refused)
		}
		total += n
	}
	if total != runtimes.InputBuffer {
		t.Errorf("%d bytes were accepted", total)
	}
	if n, refused := p.offer(session, e, `,"data":"x","eof":true`); n != 0 || refused != "" {
		t.Errorf("with eof: %d, %s", n, refused)
	}
	if got := p.ask(of(2, protocol.MethodExecutionSignal, session, e, `,"signal":"SIGKILL"`)); !strings.Contains(got, `"delivered":true`) {
		t.Errorf("signal: %s", got)
	}
	p.ask(of(3, protocol.MethodExecutionWait, session, e, ""))
	if _, refused := p.offer(session, e, `,"data":"late"`); !strings.Contains(refused, "-32602") {
		t.Errorf("after the end: %q", refused)
	}
}

func TestInputIsTakenAsTheProgramReadsIt(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	e := p.background(session, "cat")
	left := strings.Repeat("0123456789abcdef", 32<<10) // 512 KiB
	for len(left) > 0 {
		n, refused := p.offer(session, e, `,"data":"`+left+`"`)
		if refused != "" {
			t.Fatal(refused)
		}
		left = left[n:]
	}
	if _, refused := p.offer(session, e, `,"data":"%%","encoding":"base64"`); !strings.Contains(refused, "-32602") || !strings.Contains(refused, `"data"`) {
		t.Errorf("base64 that is none: %q", refused)
	}
	p.offer(session, e, `,"eof":true`)
	if _, refused := p.offer(session, e, `,"data":"x"`); !strings.Contains(refused, "-32602") {
		t.Errorf("after eof: %q", refused)
	}
	if got := p.ask(of(2, protocol.MethodExecutionWait, session, e, "")); strings.Count(got, "0123456789abcdef") != 32<<10 {
		t.Errorf("%d bytes came back", len(got))
	}
}
