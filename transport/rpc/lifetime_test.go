package rpc

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// eventually polls until check is true.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestAnExecutionOutlivesItsConnectionAndIsAttachedFromAnother(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	started := p.ask(execute(1, session, `{"type":"execute_shell","commandName":"cat"}`, `,"background":true`))
	execution := variable.FindString(strings.ReplaceAll(started, session, ""))
	p.conn.Abort(nil)
	p.closeError()
	q := w.dial(websocket.DialOptions{})
	ref := `"params":{"sessionId":"` + session + `","executionId":"` + execution + `"`
	q.ask(`{"jsonrpc":"2.0","id":2,"method":"execution.input",` + ref + `,"data":"still here","eof":true}}`)
	q.ask(`{"jsonrpc":"2.0","id":3,"method":"execution.wait",` + ref + `}}`)
	if got := q.ask(`{"jsonrpc":"2.0","id":4,"method":"execution.attach",` + ref + `}}`); !strings.Contains(got, `"nextSeq":1`) {
		t.Errorf("attach: %s", got)
	}
	if got := q.receive(); !strings.Contains(got, `"data":"still here"`) {
		t.Errorf("output: %s", got)
	}
	if got := q.receive(); !strings.Contains(got, `execution.completed`) {
		t.Errorf("completed: %s", got)
	}
}

// A foreground command outlives its connection, however that ends, and its
// end is there for who asks later.
func TestHoweverAConnectionEndsItsCommandRunsOn(t *testing.T) {
	w := newWorld(t, setup{})
	q := w.dial(websocket.DialOptions{})
	session := q.create(`{"language":"python"}`)
	q.ask(`{"jsonrpc":"2.0","id":0,"method":"session.detach","params":{"sessionId":"` + session + `"}}`)
	for name, end := range map[string]func(*websocket.Conn, *net.TCPConn){
		"close":      func(c *websocket.Conn, _ *net.TCPConn) { c.CloseWith(websocket.CodeNormal, "bye") },
		"reset":      func(_ *websocket.Conn, tcp *net.TCPConn) { _ = tcp.SetLinger(0); _ = tcp.Close() },
		"half-close": func(_ *websocket.Conn, tcp *net.TCPConn) { _ = tcp.CloseWrite() },
		"cut":        func(_ *websocket.Conn, tcp *net.TCPConn) { _ = tcp.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			var tcp *net.TCPConn
			p := w.dial(websocket.DialOptions{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				tcp, _ = c.(*net.TCPConn)
				return c, err
			}})
			p.send(execute(1, session, `{"type":"execute_shell","commandName":"cat"}`, `,"stream":true`))
			execution := parse(t, p.receive()).Params.ExecutionID // of execution.started
			end(p.conn, tcp)
			p.closeError()
			eventually(t, "the server has let go", func() bool { return w.door.hub.Count() == 1 })
			ref := `"params":{"sessionId":"` + session + `","executionId":"` + execution + `"`
			if got := q.ask(`{"jsonrpc":"2.0","id":2,"method":"execution.wait",` + ref + `,"timeoutMs":0}}`); !strings.Contains(got, `"Running"`) {
				t.Errorf("wait: %s", got)
			}
			q.ask(`{"jsonrpc":"2.0","id":3,"method":"execution.input",` + ref + `,"data":"still here","eof":true}}`)
			got := q.ask(`{"jsonrpc":"2.0","id":4,"method":"execution.wait",` + ref + `}}`)
			if !strings.Contains(got, `"Completed"`) || !strings.Contains(got, `"stdout":"still here"`) {
				t.Errorf("wait: %s", got)
			}
		})
	}
}

// Who answers no ping is closed; what it started runs on.
func TestAClientThatAnswersNoPingLeavesItsSessionAlone(t *testing.T) {
	w := newWorld(t, setup{door: Options{WebSocket: websocket.Options{
		PingInterval: 50 * time.Millisecond, CloseTimeout: 100 * time.Millisecond,
	}}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	silent := newSlow(t, w, execute(1, session, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, `,"stream":true`))
	defer silent.Close()
	list := `{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"` + session + `"}}`
	eventually(t, "its command runs", func() bool {
		p.send(list)
		return strings.Contains(p.reply(1), `"Running"`)
	})
	eventually(t, "it is closed", func() bool { return w.door.hub.Count() == 1 })
	p.send(list)
	if got := p.reply(1); !strings.Contains(got, `"Running"`) {
		t.Errorf("list: %s", got)
	}
}

func TestKillOnDisconnectEndsWhatItWasSaidOfAndNothingElse(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	for i, more := range []string{`,"background":true`, `,"background":true,"killOnDisconnect":true`} {
		p.ask(execute(i, session, `{"type":"execute_shell","commandName":"cat"}`, more))
	}
	q := w.dial(websocket.DialOptions{})
	list := `{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"` + session + `"}}`
	if got := q.ask(list); strings.Count(got, `"Running"`) != 2 {
		t.Fatalf("before: %s", got)
	}
	p.conn.Abort(nil)
	p.closeError()
	eventually(t, "one runs, one has ended", func() bool {
		got := q.ask(list)
		return strings.Count(got, `"Running"`) == 1 && strings.Count(got, `"Completed"`) == 1
	})
}

func TestAPostThatIsLeftEndsItsKillOnDisconnect(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	_, body := w.post(t, execute(1, session, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, `,"background":true,"killOnDisconnect":true`))
	if !strings.Contains(body, `"Running"`) {
		t.Fatal(body)
	}
	eventually(t, "it has ended", func() bool {
		return strings.Contains(p.ask(`{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"`+session+`"}}`), `"Completed"`)
	})
}

func TestACreateWhoseClientLeavesLeavesNothing(t *testing.T) {
	w := newWorld(t, setup{fake: fake.Options{CreateDelay: 200 * time.Millisecond}})
	p := w.dial(websocket.DialOptions{})
	p.send(`{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}`)
	p.send(`{"jsonrpc":"2.0","id":2,"method":"session.create","params":{"language":"python","clientToken":"mine"}}`)
	p.ask(`{"jsonrpc":"2.0","id":3,"method":"initialize"}`) // both have been read
	p.conn.Abort(nil)
	p.closeError()
	q := w.dial(websocket.DialOptions{})
	// The one with a token waits for its maker, the other is taken away.
	eventually(t, "one environment is left", func() bool { return len(w.fakes[runtimes.Native].Environments()) == 1 })
	time.Sleep(300 * time.Millisecond)
	if got := q.ask(`{"jsonrpc":"2.0","id":1,"method":"session.list"}`); !strings.Contains(got, `"count":1`) {
		t.Errorf("list: %s", got)
	}
}

func TestACreatorMissesNoEventAndHasTheReplyFirst(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	other := p.create(`{"language":"python"}`)
	ctx, stop := context.WithCancel(t.Context())
	var killer sync.WaitGroup
	killed := map[*fake.Environment]bool{w.fakes[runtimes.Native].Environments()[0]: true}
	killer.Go(func() { // each environment is lost as soon as it is there
		for ctx.Err() == nil {
			for _, e := range w.fakes[runtimes.Native].Environments() {
				if !killed[e] {
					killed[e] = true
					e.Kill()
				}
			}
		}
	})
	for i := range 200 {
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"session.create","params":{"language":"python"}}`, i))
		reply := p.receive()
		if !strings.Contains(reply, `"id":`+strconv.Itoa(i)+`,`) {
			t.Fatalf("before the reply: %s", reply)
		}
		if strings.Contains(reply, `"error"`) {
			continue // it was lost before it was ready
		}
		if event, id := p.receive(), variable.FindString(reply); !strings.Contains(event, "environmentLost") || !strings.Contains(event, id) {
			t.Fatalf("behind the reply: %s", event)
		}
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"session.close","params":{"sessionId":%q}}`, 1000+i, variable.FindString(reply)))
		p.reply(1000 + i)
	}
	stop()
	killer.Wait()
	p.send(`{"jsonrpc":"2.0","id":5000,"method":"session.get","params":{"sessionId":"` + other + `"}}`)
	if got := p.reply(5000); !strings.Contains(got, other) {
		t.Error(got)
	}
}

func TestShutdownTellsSessionsAndClosesConnectionsWith1001(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	p.send(`{"jsonrpc":"2.0","id":1,"method":"session.create","params":{"language":"python"}}`)
	session := variable.FindString(p.receive())
	p.send(execute("running", session, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, ""))
	eventually(t, "the command runs", func() bool {
		return strings.Contains(p.ask(`{"jsonrpc":"2.0","id":2,"method":"execution.list","params":{"sessionId":"`+session+`"}}`), `"Running"`)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	var rest []string
	for m := range p.messages {
		rest = append(rest, m)
	}
	all := strings.Join(rest, "\n")
	for _, want := range []string{`"session.closed","params":{"sessionId":"` + session + `","reason":"shutdown"}`, `"id":"running"`, `"Cancelled"`} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	if err := p.closeError(); err.Code != websocket.CodeGoingAway || !err.Remote {
		t.Errorf("closed with %v", err)
	}
}

func TestDrainLetsRunningCommandsEnd(t *testing.T) {
	w := newWorld(t, setup{server: transport.Options{DrainTimeout: 5 * time.Second}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	p.send(execute("running", session, `{"type":"execute_shell","commandName":"sleep","args":["200ms"]}`, ""))
	p.ask(`{"jsonrpc":"2.0","id":1,"method":"initialize"}`)
	if err := w.server.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if got := p.receive(); !strings.Contains(got, `"id":"running"`) || !strings.Contains(got, `"success":true`) {
		t.Errorf("got %s", got)
	}
}

// What ran in the background, as all programs of the command line do, was ended
// at once.
func TestDrainLetsBackgroundCommandsEnd(t *testing.T) {
	w := newWorld(t, setup{server: transport.Options{DrainTimeout: 5 * time.Second}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	p.send(execute("started", session, `{"type":"execute_shell","commandName":"sleep","args":["300ms"]}`, `,"background":true,"stream":true`))
	for !strings.Contains(p.receive(), `"id":"started"`) {
	}
	begun := time.Now()
	if err := w.server.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("it took %v: the end of the command was not noticed", took)
	}
	for {
		got := p.receive()
		if strings.Contains(got, `"execution.completed"`) {
			if !strings.Contains(got, `"success":true`) {
				t.Errorf("got %s", got)
			}
			return
		}
	}
}

// Regression: a look-up on the reading goroutine waited for a directory that
// had ended, and the shutdown for that connection.
func TestShutdownEndsUnderRequestsThatKeepComing(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.dial(websocket.DialOptions{})
	ids := []string{p.create(`{"language":"python"}`), p.create(`{"language":"python"}`)}
	stop := make(chan struct{})
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				p.send(`{"jsonrpc":"2.0","method":"session.get","params":{"sessionId":"` + ids[i%2] + `x` + `"}}`)
			}
		}
	}()
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		for w.tryPost(`{"jsonrpc":"2.0","id":1,"method":"session.get","params":{"sessionId":"` + ids[0] + `"}}`) {
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	close(stop)
	<-flooded
	<-posted
}
