package main

import (
	"encoding/base64"
	"maps"
	"strings"
	"time"
)

// running is an execution in the background as one client sees it.
type running struct {
	f  *foreign
	s  session
	id string
}

// object is the params of a call, or a part of them.
type object = map[string]any

// shellLine is a command that runs a line of sh.
func shellLine(line string) object {
	return object{"type": "execute_shell", "commandName": "sh", "args": []string{"-c", line}}
}

// start starts a command whose output the client receives. more are members of
// session.execute.
func (f *foreign) start(s session, command, more object) *running {
	f.t.Helper()
	params := object{"sessionId": s.ID, "background": true, "stream": true, "command": command}
	maps.Copy(params, more)
	var o outcome
	f.call("session.execute", params, &o)
	return &running{f, s, o.ExecutionID}
}

// attach makes another client receive the output from the oldest byte kept on.
func (r *running) attach(f *foreign) *running {
	f.t.Helper()
	f.call("execution.attach", object{"sessionId": r.s.ID, "executionId": r.id}, nil)
	return &running{f, r.s, r.id}
}

// call calls a method of the execution.
func (r *running) call(method string, more object, result any) {
	r.f.t.Helper()
	r.f.call(method, r.params(more), result)
}

func (r *running) params(more object) object {
	params := object{"sessionId": r.s.ID, "executionId": r.id}
	maps.Copy(params, more)
	return params
}

// outputLocked joins what came. It is called under the client's lock.
func (r *running) outputLocked() string {
	var b strings.Builder
	for _, n := range r.f.notes {
		if n.Method != "execution.output" || n.Params["executionId"] != r.id {
			continue
		}
		data, _ := n.Params["data"].(string)
		if n.Params["encoding"] == "base64" {
			decoded, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				r.f.t.Errorf("output: %v", err)
			}
			data = string(decoded)
		}
		b.WriteString(data)
	}
	return b.String()
}

func (r *running) output() string {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	return r.outputLocked()
}

// until waits for a text in the output, and returns all of it.
func (r *running) until(text string) (all string) {
	r.f.t.Helper()
	r.f.await("the output "+text, func() bool {
		all = r.outputLocked()
		if r.f.ended && !strings.Contains(all, text) {
			r.f.t.Errorf("instead of %q there is %.1000q", text, all)
		}
		return strings.Contains(all, text)
	})
	return all
}

// write gives all of data to the program, waiting for room.
func (r *running) write(data string) {
	r.f.t.Helper()
	for end := time.Now().Add(20 * time.Second); data != ""; {
		var accepted struct{ AcceptedBytes int }
		r.call("execution.input", object{"data": data}, &accepted)
		if data = data[accepted.AcceptedBytes:]; data == "" {
			return
		}
		if time.Now().After(end) {
			r.f.t.Fatalf("%d bytes of input were not taken", len(data))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *running) signal(name string) (delivered bool) {
	r.f.t.Helper()
	var d struct{ Delivered bool }
	r.call("execution.signal", object{"signal": name}, &d)
	return d.Delivered
}

// wait waits for the end.
func (r *running) wait() outcome {
	r.f.t.Helper()
	var w struct {
		State  string
		Result outcome
	}
	r.call("execution.wait", object{"timeoutMs": 30_000}, &w)
	if w.State != "Completed" {
		r.f.t.Fatalf("%s after 30 s; output %.500q", w.State, r.output())
	}
	return w.Result
}

// wantCode waits for an end with an exit code.
func (r *running) wantCode(code int) {
	r.f.t.Helper()
	if o := r.wait(); o.Result.ExitCode == nil || *o.Result.ExitCode != code {
		r.f.t.Errorf("%+v, output %.500q", o, r.output())
	}
}

// listing is a part of what execution.list says of one.
type listing struct {
	ExecutionID, State, Type, CommandName, StartedAt string
	Background                                       bool
	FirstSeq, NextSeq                                int
}

// list is execution.list.
func (f *foreign) list(s session) []listing {
	f.t.Helper()
	var list struct{ Executions []listing }
	f.call("execution.list", object{"sessionId": s.ID}, &list)
	return list.Executions
}

// executions are the ids of those that the session has had.
func (f *foreign) executions(s session) map[string]bool {
	f.t.Helper()
	ids := map[string]bool{}
	for _, e := range f.list(s) {
		ids[e.ExecutionID] = true
	}
	return ids
}

// listing is what execution.list says of this one.
func (r *running) listing() listing {
	r.f.t.Helper()
	for _, e := range r.f.list(r.s) {
		if e.ExecutionID == r.id {
			return e
		}
	}
	r.f.t.Fatal("the execution is not listed")
	return listing{}
}
