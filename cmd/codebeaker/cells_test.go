package main

import (
	"slices"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// cellOutcome is what an execute_code came to.
type cellOutcome struct {
	Success   bool
	Error     string
	ErrorCode string
	Result    struct {
		Status, Stdout, Value, Kernel string
		Exception                     struct{ Name, Message, Traceback string }
		Displays                      []struct {
			Data map[string]string
			Main bool
			At   struct{ Stdout, Stderr int }
		}
	}
}

func (f *foreign) cell(s session, code string, more object) cellOutcome {
	f.t.Helper()
	command := object{"type": "execute_code", "code": code}
	for name, value := range more {
		command[name] = value
	}
	var o cellOutcome
	f.call("session.execute", object{"sessionId": s.ID, "command": command}, &o)
	return o
}

// words of the languages that have a kernel.
type cellWords struct{ set, get, show, loop string }

var (
	pythonCells = cellWords{"x = 41", "x + 1", `print("before")
display({"text/html": "<b>x</b>"}, raw=True)
print("after")`, "while True: pass"}
	scriptCells = cellWords{"let x = 41", "x + 1", `console.log("before")
display({"text/html": "<b>x</b>"})
console.log("after")`, "for (;;);"}
)

// TestCellsKeepTheirVariables is one life of cells on each runtime, over the wire,
// by clients that are not ours.
func TestCellsKeepTheirVariables(t *testing.T) {
	p := sharedServer(t)
	for _, c := range []struct {
		kind     runtimes.Type
		language string
		words    cellWords
	}{
		{runtimes.Native, "python", pythonCells}, {runtimes.Docker, "python", pythonCells},
		{runtimes.Bun, "typescript", scriptCells}, {runtimes.Deno, "typescript", scriptCells},
		{runtimes.Native, "javascript", scriptCells}, {runtimes.Docker, "javascript", scriptCells},
	} {
		t.Run(c.kind.String()+"/"+c.language, func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			f := connect(t, "python-websockets", p.URL())
			s := f.create(object{"language": c.language, "runtimeType": c.kind.String()})
			defer f.close(s)
			aLifeOfCells(t, f, s, c.words)
		})
	}
}

func aLifeOfCells(t *testing.T, f *foreign, s session, words cellWords) {
	if o := f.cell(s, words.set, nil); !o.Success || o.Result.Value != "" || o.Result.Kernel != "kept" {
		t.Errorf("the first: %+v", o)
	}
	if o := f.cell(s, words.get, nil); o.Result.Value != "42" || o.Result.Status != "Completed" {
		t.Errorf("the second: %+v", o)
	}
	o := f.cell(s, words.show, nil)
	if o.Result.Stdout != "before\nafter\n" || len(o.Result.Displays) == 0 || o.Result.Displays[0].Data["text/html"] != "<b>x</b>" || o.Result.Displays[0].At.Stdout != len("before\n") {
		t.Errorf("a display: %+v", o)
	}
	if o := f.cell(s, "there_is_no_such_name", nil); o.Success || o.ErrorCode != "Exception" || o.Result.Status != "Exception" || o.Result.Exception.Name == "" || o.Result.Exception.Traceback == "" {
		t.Errorf("an exception: %+v", o)
	}
	for attempt := range 5 { // a busy machine may take longer than the 200 ms of an interrupt
		o := f.cell(s, words.loop, object{"timeout": 0.5})
		if o.ErrorCode != "TimeLimitExceeded" || o.Result.Kernel != "kept" && attempt == 4 {
			t.Errorf("a loop: %+v", o)
		}
		if o.Result.Kernel == "kept" {
			break
		}
		f.cell(s, words.set, nil)
	}
	if o := f.cell(s, words.get, nil); o.Result.Value != "42" {
		t.Errorf("after it was interrupted: %+v", o)
	}
	if o := f.cell(s, words.get, object{"context": "other"}); o.Result.Status != "Exception" {
		t.Errorf("another context has the variable: %+v", o)
	}
	var list struct {
		Contexts []struct{ Context, State string }
	}
	f.call("code.contexts", object{"sessionId": s.ID}, &list)
	if len(list.Contexts) != 2 || list.Contexts[1].Context != "other" {
		t.Errorf("contexts: %+v", list)
	}
	// A program between cells sees their files, and ends nothing of them.
	if o := f.shell(s, "sh", "-c", "echo fine"); o.Result.Stdout != "fine\n" {
		t.Errorf("%+v", o)
	}
	f.call("code.restart", object{"sessionId": s.ID, "context": "default"}, nil)
	if o := f.cell(s, words.get, nil); o.Result.Status != "Exception" {
		t.Errorf("after a restart: %+v", o)
	}
	f.cell(s, words.set, nil)
	if o := f.cell(s, words.get, object{"reset": true}); o.Result.Status != "Exception" || o.Result.Kernel != "kept" {
		t.Errorf("after a reset: %+v", o)
	}
}

// Go keeps what cells declare, over the wire as in Python.
func TestCellsOfGoKeepTheirDeclarations(t *testing.T) {
	p := sharedServer(t)
	needLanguage(t, p, runtimes.Native, "go")
	f := connect(t, "python-websockets", p.URL())
	s := f.create(object{"language": "go", "runtimeType": "Native"})
	defer f.close(s)
	if o := f.cell(s, "import \"fmt\"\nfunc answer() int { return 42 }\nfmt.Println(\"declared\")", nil); !o.Success || o.Result.Stdout != "declared\n" || o.Result.Kernel != "kept" || o.Result.Value != "" {
		t.Errorf("the first: %+v", o)
	}
	if o := f.cell(s, "fmt.Println(answer())\npanic(1)", nil); o.Result.Stdout != "42\n" || o.ErrorCode != "NonZeroExit" || o.Result.Kernel != "kept" {
		t.Errorf("the second: %+v", o)
	}
	if o := f.cell(s, "x", nil); o.ErrorCode != "Exception" || o.Result.Exception.Name != "CompileError" || o.Result.Exception.Traceback != "<cell 3>:1:1: undefined: x" {
		t.Errorf("what is undefined: %+v", o)
	}
	if o := f.cell(s, "fmt.Println(answer())", object{"reset": true}); o.Result.Exception.Traceback == "" || o.Result.Kernel != "kept" {
		t.Errorf("after a reset: %+v", o)
	}
}

// What has cells says so before it is asked for one.
func TestWhoHasCellsSaysSo(t *testing.T) {
	p := sharedServer(t)
	f := connect(t, "npm-ws", p.URL())
	var list struct {
		Runtimes []struct {
			RuntimeType  string
			Capabilities struct{ Commands, Stateful []string }
		}
	}
	f.call("runtime.list", nil, &list)
	for _, r := range list.Runtimes {
		want := map[string]string{"Native": "python", "Docker": "python", "Bun": "typescript", "Deno": "javascript"}[r.RuntimeType]
		if !slices.Contains(r.Capabilities.Stateful, want) || r.RuntimeType == "Docker" && !slices.Contains(r.Capabilities.Stateful, "go") || !slices.Contains(r.Capabilities.Commands, "execute_code") {
			t.Errorf("%s: %+v", r.RuntimeType, r.Capabilities)
		}
	}
}
