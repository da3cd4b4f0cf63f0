package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// What is wrong with a call about an execution is said at once, by code and
// member, whether the execution runs, has ended, or never was.
func TestBadCallsAboutAnExecutionAreRefusedAtOnce(t *testing.T) {
	p := sharedServer(t)
	for _, c := range []struct {
		kind     runtimes.Type
		language string
	}{{runtimes.Bun, "javascript"}, {runtimes.Docker, "python"}} {
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			f := connect(t, "npm-ws", p.URL())
			s := f.create(object{"language": c.language, "runtimeType": c.kind.String()})
			ended := f.start(s, object{"type": "execute_shell", "commandName": "true"}, nil)
			ended.wait()
			runs := f.start(s, sleeper, nil)
			wantRefusals(t, f, runs, badValues)
			wantRefusals(t, f, &running{f, s, "01NOSUCHEXECUTION"}, unknown)
			wantRefusals(t, f, &running{f, session{ID: "n1.nobody"}, runs.id}, unknownSession)
			wantRefusals(t, f, ended, tooLate)
			if ended.signal("SIGTERM") {
				t.Error("a signal was delivered to the dead")
			}
			runs.call("execution.input", object{"eof": true}, nil)
			wantRefusals(t, f, runs, []refusal{{"input", object{"data": "x"}, -32602, "executionId"}})
			if state := runs.listing().State; state != "Running" {
				t.Errorf("after all that the execution is %s", state)
			}
			f.close(s)
			if err := f.fails("execution.wait", runs.params(nil)); err.Code != -32002 && err.Code != -32001 {
				t.Errorf("after the session: %+v", err)
			}
		})
	}
}

// refusal is a call that must fail.
type refusal struct {
	method string
	more   object
	code   int
	member string
}

func wantRefusals(t *testing.T, f *foreign, r *running, refusals []refusal) {
	t.Helper()
	for _, c := range refusals {
		err := f.fails("execution."+c.method, r.params(c.more))
		member, _ := err.Data["member"].(string)
		if err.Code != c.code || member != c.member || strings.Contains(err.Message, ".go:") {
			t.Errorf("execution.%s %v: %+v, want %d for %q", c.method, c.more, err, c.code, c.member)
		}
	}
}

// badValues are wrong for an execution that runs without a terminal.
var badValues = append([]refusal{
	{"attach", object{"executionId": nil}, -32602, "executionId"},
	{"attach", object{"executionId": 5}, -32602, "executionId"},
	{"attach", object{"fromSeq": 99}, -32602, "fromSeq"},
	{"attach", object{"fromSeq": -1}, -32602, "fromSeq"},
	{"attach", object{"fromSeq": "0"}, -32602, "fromSeq"},
	{"attach", object{"fromSeq": 0.5}, -32602, "fromSeq"},
	{"attach", object{"fromSeq": math.MaxFloat64}, -32602, "fromSeq"},
	{"wait", object{"timeoutMs": -1}, -32602, "timeoutMs"},
	{"wait", object{"timeoutMs": "soon"}, -32602, "timeoutMs"},
	{"input", object{"data": "%%%", "encoding": "base64"}, -32602, "data"},
	{"input", object{"data": "eA", "encoding": "base64"}, -32602, "data"},
	{"input", object{"data": "e-_=", "encoding": "base64"}, -32602, "data"},
	{"input", object{"data": "x", "encoding": "utf16"}, -32602, "encoding"},
	{"input", object{"data": []int{1}}, -32602, "data"},
	{"input", object{"eof": "yes"}, -32602, "eof"},
	{"signal", nil, -32602, "signal"},
	{"signal", object{"signal": ""}, -32602, "signal"},
	{"signal", object{"signal": "SIGNOT"}, -32602, "signal"},
	{"signal", object{"signal": "SIGKILL "}, -32602, "signal"},
	{"signal", object{"signal": "9"}, -32602, "signal"},
	{"signal", object{"signal": 9}, -32602, "signal"},
	{"signal", object{"signal": "SIGRTMIN"}, -32602, "signal"},
}, badSizes()...)

// badSizes are no sizes of a terminal, and one for what has no terminal.
func badSizes() (all []refusal) {
	for _, size := range [][2]int{{0, 0}, {65535, 65535}, {-1, 24}, {1001, 24}} {
		all = append(all, refusal{"resize", object{"cols": size[0], "rows": size[1]}, -32602, "cols"})
		if size[1] != 24 {
			all = append(all, refusal{"resize", object{"cols": 80, "rows": size[1]}, -32602, "rows"})
		}
	}
	return append(all,
		refusal{"resize", object{"cols": 80}, -32602, "rows"},
		refusal{"resize", object{"cols": "80", "rows": 24}, -32602, "cols"},
		refusal{"resize", object{"cols": 80, "rows": 24}, -32602, "executionId"})
}

// everyMethod is each call about an execution, in order.
func everyMethod(code int) (all []refusal) {
	for _, method := range []string{"attach", "detach", "wait", "input", "signal", "resize"} {
		all = append(all, refusal{method, object{"signal": "SIGTERM", "cols": 80, "rows": 24, "data": "x"}, code, ""})
	}
	return all
}

var (
	unknown        = everyMethod(-32006)
	unknownSession = everyMethod(-32001)
)

// tooLate are calls for an execution that has ended.
var tooLate = []refusal{
	{"input", object{"data": "x"}, -32602, "executionId"},
	{"input", object{"eof": true}, -32602, "executionId"},
	{"resize", object{"cols": 80, "rows": 24}, -32602, "executionId"},
	{"attach", object{"fromSeq": 1}, -32602, "fromSeq"},
}

func TestBadWaysToRunACommandAreRefusedByMember(t *testing.T) {
	p := sharedServer(t)
	needLanguage(t, p, runtimes.Bun, "javascript")
	f := connect(t, "npm-ws", p.URL())
	s := f.create(object{"language": "javascript", "runtimeType": "Bun"})
	for member, bad := range map[string][]any{
		"stream": {"yes", 1}, "background": {"yes", 1}, "killOnDisconnect": {"yes", 1},
		"timeoutMs":        {0, -1, 0.5, "1", 1e18},
		"command.pty":      {true, 80, []int{80, 24}},
		"command.pty.cols": {object{"cols": 0}, object{"cols": 1001}, object{"cols": 65535}},
		"command.pty.rows": {object{"rows": 0}, object{"rows": -1}, object{"rows": 1001}},
		"command.stdin":    {5},
	} {
		for _, value := range bad {
			params := object{"sessionId": s.ID, "command": shellLine("echo never >ran")}
			if _, inner, ok := strings.Cut(member, "command."); ok {
				name, _, _ := strings.Cut(inner, ".")
				params["command"].(object)[name] = value
			} else {
				params[member] = value
			}
			if err := f.fails("session.execute", params); err.Code != -32602 || fmt.Sprint(err.Data["member"]) != member {
				t.Errorf("%s %v: %+v", member, value, err)
			}
		}
	}
	if o := f.shell(s, "ls"); o.Result.Stdout != "" {
		t.Errorf("something ran: %+v", o)
	}
	f.close(s)
}
