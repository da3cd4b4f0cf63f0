package main

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var sleeper = object{"type": "execute_shell", "commandName": "sleep", "args": []string{"1000"}}

func TestABackgroundExecution(t *testing.T) {
	keepOnEach(t, []promise{
		{"IsListedAttachedFedAndWaitedFor", backgroundLife},
		{"EndsWithItsConnectionOnlyWhenItAskedFor", killOnDisconnect},
		{"HasAnOrderedPlaceInNoQueue", backgroundAndQueue},
	})
}

// A watcher: it runs beside commands, is found by another client, told things,
// and ended.
func backgroundLife(t *testing.T, p *Program, f *foreign, s session) {
	watcher := f.start(s, shellLine(`echo watching; while read -r line; do echo "saw $line"; done; echo over; exit 4`), object{"stream": false})
	if o := f.shell(s, "echo", "beside"); o.Result.Stdout != "beside\n" {
		t.Errorf("%+v", o)
	}
	other := connect(t, "npm-ws", p.URL())
	seen := watcher.attach(other)
	seen.until("watching\n")
	listed := seen.listing()
	if listed.State != "Running" || !listed.Background || listed.Type != "execute_shell" || listed.CommandName != "sh" || listed.StartedAt == "" ||
		listed.FirstSeq != 0 || listed.NextSeq < 1 {
		t.Errorf("listed as %+v", listed)
	}
	seen.write("one\n")
	seen.until("saw one\n")
	seen.call("execution.detach", nil, nil)
	watcher.write("two\n")
	waiting := other.send("execution.wait", watcher.params(nil))
	watcher.call("execution.input", object{"data": "three\n", "eof": true}, nil)
	var done struct {
		State  string
		Result outcome
	}
	other.result(waiting, &done)
	const all = "watching\nsaw one\nsaw two\nsaw three\nover\n"
	if done.State != "Completed" || done.Result.Result.Stdout != all || *done.Result.Result.ExitCode != 4 {
		t.Errorf("%+v", done)
	}
	if got := seen.output(); got != "watching\nsaw one\n" {
		t.Errorf("after the detach there came %q", got)
	}
	if got := watcher.attach(connect(t, "npm-ws", p.URL())).until("over\n"); got != all {
		t.Errorf("attached at the end: %q", got)
	}
	if watcher.output() != "" {
		t.Error("output went to a client that did not ask for it")
	}
}

func killOnDisconnect(t *testing.T, p *Program, f *foreign, s session) {
	for _, end := range []func(*foreign){(*foreign).vanish, (*foreign).leave} {
		other := connect(t, "python-websockets", p.URL())
		tied := other.start(s, shellLine("trap '' TERM; echo up; while :; do sleep 1; done"), object{"killOnDisconnect": true})
		free := other.start(s, sleeper, nil)
		tied.until("up")
		end(other)
		tied, free = &running{f, s, tied.id}, &running{f, s, free.id}
		if o := tied.wait(); o.Result.Status != "Cancelled" || o.Result.ExitCode != nil {
			t.Errorf("what was tied to the connection: %+v", o)
		}
		if state := free.listing().State; state != "Running" {
			t.Errorf("what was not tied to it is %s", state)
		}
		free.signal("SIGKILL")
		free.wait()
	}
}

// What is queued is listed, cancelled by any signal, and never starts.
func backgroundAndQueue(t *testing.T, _ *Program, f *foreign, s session) {
	known := f.executions(s)
	first := f.send("session.execute", object{"sessionId": s.ID, "command": sleeper})
	second := f.send("session.execute", object{"sessionId": s.ID, "command": shellLine("echo never >ran")})
	third := f.send("session.execute", object{"sessionId": s.ID, "command": shellLine("cat ran; echo third")})
	var queue []*running
	for len(queue) < 3 {
		queue = nil
		for _, e := range f.list(s) {
			if !known[e.ExecutionID] {
				queue = append(queue, &running{f, s, e.ExecutionID})
			}
		}
	}
	if e := queue[1].listing(); e.State != "Queued" || e.StartedAt != "" {
		t.Errorf("the second is listed as %+v", e)
	}
	if !queue[1].signal("SIGWINCH") {
		t.Error("the signal to a queued command was not delivered")
	}
	var o outcome
	if f.result(second, &o); o.Result.Status != "Cancelled" || o.Result.ExitCode != nil {
		t.Errorf("the cancelled command: %+v", o)
	}
	for !queue[0].signal("SIGINT") { // once it runs
		if queue[0].listing().State == "Completed" {
			break
		}
	}
	if f.result(first, &o); o.Result.Signal != "SIGINT" && o.Result.Status != "Cancelled" {
		t.Errorf("the first command: %+v", o)
	}
	if f.result(third, &o); o.Result.Stdout != "third\n" || !strings.Contains(o.Result.Stderr, "ran") {
		t.Errorf("the third command: %+v", o)
	}
}

// Executions are limited, and those in the background end with their session.
func TestASixtyFifthExecutionIsBusyAndAllEndWithTheirSession(t *testing.T) {
	p := sharedServer(t)
	for _, kind := range []runtimes.Type{runtimes.Bun, runtimes.Docker} {
		t.Run(kind.String(), func(t *testing.T) {
			language := map[runtimes.Type]string{runtimes.Bun: "javascript", runtimes.Docker: "python"}[kind]
			needLanguage(t, p, kind, language)
			f := connect(t, "python-websockets", p.URL())
			s := f.create(object{"language": language, "runtimeType": kind.String(), "processLimit": 1024})
			background := object{"sessionId": s.ID, "background": true, "command": object{
				"type": "execute_shell", "commandName": "sh", "args": []string{"-c", "trap '' TERM; sleep 1000; : " + s.ID}}}
			for range 64 {
				f.call("session.execute", background, nil)
			}
			err := f.fails("session.execute", background)
			if err.Code != -32005 || err.Data["limit"] != "runningExecutions" || err.Data["maximum"] != 64.0 || err.Data["retryAfterMs"] == nil {
				t.Errorf("the 65th: %+v", err)
			}
			wantAlive(t, 64, s.ID)
			waiting := f.send("execution.wait", object{"sessionId": s.ID, "executionId": f.list(s)[0].ExecutionID})
			f.close(s)
			wantGone(t, "the end of the session", s.ID)
			var done struct{ Result outcome }
			if f.result(waiting, &done); done.Result.Result.Status != "Cancelled" || done.Result.Result.ExitCode != nil {
				t.Errorf("who waited got %+v", done)
			}
		})
	}
}
