package rpc

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// speaker writes a chunk for each of its steps.
type speaker struct{ step chan string }

func newSpeaker() *speaker { return &speaker{make(chan string)} }

func (s *speaker) run(r *fake.Run) int {
	for {
		select {
		case text, ok := <-s.step:
			if !ok {
				return 0
			}
			fmt.Fprint(r.Stdout(), text)
		case <-r.Killed():
			return 1
		}
	}
}

// of is a request about an execution.
func of(id int, method, session, execution, more string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":{"sessionId":%q,"executionId":%q%s}}`, id, method, session, execution, more)
}

// attach attaches and returns what the reply says.
func (p *peer) attach(session, execution, more string) (snap protocol.ExecutionSnapshot) {
	p.t.Helper()
	reply := p.ask(of(1, protocol.MethodExecutionAttach, session, execution, more))
	var m struct{ Result *protocol.ExecutionSnapshot }
	if err := json.Unmarshal([]byte(reply), &m); err != nil || m.Result == nil {
		p.t.Fatalf("attach: %s", reply)
	}
	return *m.Result
}

// wantChunks receives chunks of standard output from a seq on.
func (p *peer) wantChunks(seq, offset int64, texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		n := parse(p.t, p.receive())
		if n.Method != protocol.NotifyOutput || n.Params.Seq != seq || n.Params.Offset != offset || n.Params.Data != text {
			p.t.Fatalf("got %+v, want %q as chunk %d at %d", n, text, seq, offset)
		}
		seq, offset = seq+1, offset+int64(len(text))
	}
}

func (p *peer) wantCompleted() {
	p.t.Helper()
	if m := p.receive(); !strings.Contains(m, protocol.NotifyCompleted) {
		p.t.Fatalf("got %s", m)
	}
}

// background starts a program and returns its execution.
func (p *peer) background(session, name string) (execution string) {
	p.t.Helper()
	started := p.ask(execute(1, session, `{"type":"execute_shell","commandName":"`+name+`","openStdin":true}`, `,"background":true`))
	execution = variable.FindString(strings.ReplaceAll(started, session, ""))
	if execution == "" {
		p.t.Fatalf("start: %s", started)
	}
	return execution
}

func TestAttachingAgainReplacesTheSubscriptionFromAnySeq(t *testing.T) {
	s := newSpeaker()
	w := newWorld(t, setup{fake: fake.Options{Programs: map[string]fake.Program{"speak": s.run}}})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	e := p.background(session, "speak")
	p.attach(session, e, "")
	for _, text := range []string{"one", "two", "three"} {
		s.step <- text
	}
	p.wantChunks(0, 0, "one", "two", "three")
	// From the middle: the same chunks again, once.
	if snap := p.attach(session, e, `,"fromSeq":1`); snap.State != "Running" || snap.FirstSeq != 0 || snap.NextSeq != 3 {
		t.Errorf("%+v", snap)
	}
	p.wantChunks(1, 3, "two", "three")
	// From the end: nothing old. Beyond it: refused, and what was there stays.
	p.attach(session, e, `,"fromSeq":3`)
	if got := p.ask(of(2, protocol.MethodExecutionAttach, session, e, `,"fromSeq":4`)); !strings.Contains(got, `-32602`) || !strings.Contains(got, `"member":"fromSeq"`) {
		t.Errorf("beyond the end: %s", got)
	}
	s.step <- "four"
	p.wantChunks(3, 11, "four")
	// Detached, nothing comes; attached from where it was, nothing is missing.
	p.ask(of(3, protocol.MethodExecutionDetach, session, e, ""))
	s.step <- "five"
	close(s.step)
	if got := p.ask(of(4, protocol.MethodExecutionWait, session, e, "")); !strings.Contains(got, `"id":4`) {
		t.Fatalf("after detach: %s", got)
	}
	for from := range int64(6) {
		if snap := p.attach(session, e, fmt.Sprintf(`,"fromSeq":%d`, from)); snap.State != "Completed" || snap.FirstSeq != 0 || snap.NextSeq != 5 {
			t.Errorf("%+v", snap)
		}
		texts := []string{"one", "two", "three", "four", "five"}
		p.wantChunks(from, int64(len(strings.Join(texts[:from], ""))), texts[from:]...)
		p.wantCompleted()
	}
}

func TestAttachingToAQueuedExecutionSeesItFromItsStart(t *testing.T) {
	s := newSpeaker()
	w := newWorld(t, setup{fake: fake.Options{Programs: map[string]fake.Program{"speak": s.run}}})
	p, q := w.dial(websocket.DialOptions{}), w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	p.send(execute("first", session, `{"type":"execute_shell","commandName":"sleep","args":["1h"]}`, ""))
	p.send(execute("second", session, `{"type":"execute_shell","commandName":"speak"}`, ""))
	var page struct{ Result protocol.ExecutionPage }
	list := p.ask(`{"jsonrpc":"2.0","id":1,"method":"execution.list","params":{"sessionId":"` + session + `"}}`)
	if err := json.Unmarshal([]byte(list), &page); err != nil || len(page.Result.Executions) != 2 {
		t.Fatal(list)
	}
	running, queued := page.Result.Executions[0].ExecutionID, page.Result.Executions[1].ExecutionID
	if snap := q.attach(session, queued, ""); snap.State != "Queued" || snap.NextSeq != 0 {
		t.Errorf("%+v", snap)
	}
	p.ask(of(2, protocol.MethodExecutionSignal, session, running, `,"signal":"SIGKILL"`))
	if m := q.receive(); !strings.Contains(m, protocol.NotifyStarted) {
		t.Fatalf("got %s", m)
	}
	s.step <- "now"
	close(s.step)
	q.wantChunks(0, 0, "now")
	q.wantCompleted()
}

func TestWhatTheRingDroppedIsAccountedForToTheByte(t *testing.T) {
	s := newSpeaker()
	w := newWorld(t, setup{
		actors: actors.Options{OutputBytes: 10},
		fake:   fake.Options{Programs: map[string]fake.Program{"speak": s.run}},
	})
	p := w.dial(websocket.DialOptions{})
	session := p.create(`{"language":"python"}`)
	e := p.background(session, "speak")
	for _, text := range []string{"123", "4567", "89ab", "cdef", "ghij"} {
		s.step <- text
	}
	close(s.step)
	p.ask(of(1, protocol.MethodExecutionWait, session, e, ""))
	snap := p.attach(session, e, `,"fromSeq":1`)
	if want := (protocol.ExecutionSnapshot{State: "Completed", FirstSeq: 2, NextSeq: 5, DroppedBytes: protocol.DroppedBytes{Stdout: 7}}); snap != want {
		t.Errorf("got %+v, want %+v", snap, want)
	}
	p.wantChunks(2, 7, "89ab", "cdef", "ghij")
	p.wantCompleted()
}
