package rpc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// create makes a session and returns its id. Its events are turned off.
func (p *peer) create(params string) string {
	p.t.Helper()
	reply := p.ask(`{"jsonrpc":"2.0","id":"create","method":"session.create","params":` + params + `}`)
	id := variable.FindString(reply)
	if id == "" {
		p.t.Fatalf("create: %s", reply)
	}
	if got := p.ask(`{"jsonrpc":"2.0","id":"detach","method":"session.detach","params":{"sessionId":"` + id + `"}}`); !strings.Contains(got, `"result":{}`) {
		p.t.Fatalf("detach: %s", got)
	}
	return id
}

// execute is a request that runs a program.
func execute(id any, session, command string, more string) string {
	quoted := fmt.Sprint(id)
	if s, ok := id.(string); ok {
		quoted = `"` + s + `"`
	}
	return `{"jsonrpc":"2.0","id":` + quoted + `,"method":"session.execute","params":{"sessionId":"` + session + `","command":` + command + more + `}}`
}

func TestCommandsOfASessionRunInTheOrderInWhichTheyWereRead(t *testing.T) {
	w := newWorld(t, setup{actors: actors.Options{QueueLength: 256}})
	p := w.dial(websocket.DialOptions{})
	other := p.create(`{"language":"python"}`)
	session := p.create(`{"language":"python"}`)
	const n = 200
	var batch []string
	for i := range n {
		// Switching sessions makes each look-up a different one.
		append1 := execute(i, session, fmt.Sprintf(`{"type":"write_file","path":"log","mode":"Append","content":"%d "}`, i), "")
		touch := execute(1000+i, other, `{"type":"create_directory","path":"x"}`, "")
		if i < 150 {
			p.send(append1)
			p.send(touch)
		} else if batch = append(batch, append1); len(batch) == 25 {
			p.send("[" + strings.Join(batch, ",") + "]")
			batch = nil
		}
	}
	for range 150 + 150 + 2 {
		if got := p.receive(); strings.Contains(got, `"success":false`) || strings.Contains(got, `"error":{`) {
			t.Fatal(got)
		}
	}
	got := p.ask(execute("read", session, `{"type":"read_file","path":"log"}`, ""))
	var want strings.Builder
	for i := range n {
		fmt.Fprintf(&want, "%d ", i)
	}
	if !strings.Contains(got, `"content":"`+want.String()+`"`) {
		t.Errorf("order: %s", got)
	}
}

func TestControlCallsOvertakeCommandsAndOtherSessionsAreNotHeldUp(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	busy := p.create(`{"language":"python"}`)
	free := p.create(`{"language":"python"}`)
	p.send(execute("slow", busy, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, ""))
	p.send(execute("queued", busy, `{"type":"execute_shell","commandName":"true"}`, ""))
	if got := p.ask(`{"jsonrpc":"2.0","id":"list","method":"execution.list","params":{"sessionId":"` + busy + `"}}`); !strings.Contains(got, `"Queued"`) {
		t.Errorf("list: %s", got)
	}
	if got := p.ask(execute("other", free, `{"type":"execute_shell","commandName":"true"}`, "")); !strings.Contains(got, `"id":"other"`) || !strings.Contains(got, `"success":true`) {
		t.Errorf("other session: %s", got)
	}
	p.send(`{"jsonrpc":"2.0","id":"close","method":"session.close","params":{"sessionId":"` + busy + `"}}`)
	seen := map[string]bool{}
	for range 3 {
		got := p.receive()
		for _, id := range []string{"slow", "queued", "close"} {
			if strings.Contains(got, `"id":"`+id+`"`) {
				seen[id] = true
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("answered: %v", seen)
	}
}

func TestTwoRequestsWithOneIDGetTwoReplies(t *testing.T) {
	p := newWorld(t, setup{}).dial(websocket.DialOptions{})
	p.send(`{"jsonrpc":"2.0","id":1,"method":"language.list"}`)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"initialize"}`)
	if a, b := p.receive(), p.receive(); !strings.Contains(a, `"languages"`) || !strings.Contains(b, `"serverInfo"`) {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestCallsOverTheInFlightLimitAreBusyAndTheOthersAreServed(t *testing.T) {
	w := newWorld(t, setup{door: Options{InFlight: 4}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	for i := range 5 {
		p.send(execute(i, session, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, ""))
	}
	got := p.receive()
	for _, want := range []string{`"id":4`, `-32005`, `"limit":"inFlight"`, `"retryAfterMs":100`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	q := w.dial(websocket.DialOptions{})
	if got := q.ask(`{"jsonrpc":"2.0","id":"q","method":"session.close","params":{"sessionId":"` + session + `"}}`); !strings.Contains(got, `"closed":true`) {
		t.Errorf("close: %s", got)
	}
	for range 4 {
		p.receive()
	}
	if got := p.ask(`{"jsonrpc":"2.0","id":"again","method":"initialize"}`); !strings.Contains(got, `"id":"again"`) || strings.Contains(got, "error") {
		t.Errorf("after: %s", got)
	}
}

func TestAFullQueueOfASessionIsBusy(t *testing.T) {
	w := newWorld(t, setup{actors: actors.Options{QueueLength: 2}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	for i := range 4 {
		p.send(execute(i, session, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, ""))
	}
	if got := p.receive(); !strings.Contains(got, `"id":3`) || !strings.Contains(got, `"limit":"queue","maximum":2`) {
		t.Errorf("got %s", got)
	}
}

// A wait that was served beside the reading of the connection came behind the
// close that followed it, and was told that the session is closed.
func TestAWaitBeforeACloseIsAnsweredByTheEnd(t *testing.T) {
	p := newWorld(t, setup{}).dial(websocket.DialOptions{})
	for range 50 {
		session := p.create(`{"language":"python"}`)
		started := p.ask(execute(1, session, `{"type":"execute_shell","commandName":"sleep","args":["100s"]}`, `,"background":true`))
		id := variable.FindString(strings.TrimPrefix(started[strings.Index(started, `"executionId":"`):], `"executionId":"`))
		p.send(`{"jsonrpc":"2.0","id":2,"method":"execution.wait","params":{"sessionId":"` + session + `","executionId":"` + id + `"}}`)
		p.send(`{"jsonrpc":"2.0","id":3,"method":"session.close","params":{"sessionId":"` + session + `"}}`)
		if got := p.reply(2); !strings.Contains(got, `"errorCode":"Cancelled"`) {
			t.Fatalf("the wait: %s", got)
		}
		p.reply(3)
	}
}
