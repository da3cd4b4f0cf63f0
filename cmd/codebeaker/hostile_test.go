package main

import (
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// The programs of this file want to stay, to take all of something, or to be
// in the way. Afterwards the session works as before.
func TestAHostileProgram(t *testing.T) {
	keepOnEach(t, []promise{
		{"MayNotTakeEveryDescriptor", takesDescriptors},
		{"MayNotTakeEveryThread", takesThreads},
		{"MayRefuseItsInput", refusesInput},
		{"MayNotBeHeldUpByItsReaders", echoesUnread},
		{"MayBeResizedTooOften", resizedTooOften},
		{"MayNotHideInItsTree", hidesInTree},
	})
}

// inLanguage runs a script of the session's language with more members of
// session.execute.
func (f *foreign) inLanguage(s session, python, javaScript string, more object) *running {
	f.t.Helper()
	words := map[string][]string{
		"Docker": {"python3", "-c", python}, "Native": {"python3", "-c", python},
		"Bun": {"bun", "-e", javaScript}, "Deno": {"deno", "eval", javaScript},
	}[s.Runtime]
	return f.start(s, object{"type": "execute_shell", "commandName": words[0], "args": words[1:]}, more)
}

func (f *foreign) works(s session) {
	f.t.Helper()
	begin := time.Now()
	if o := f.shell(s, "echo", "works"); o.Result.Stdout != "works\n" || time.Since(begin) > 5*time.Second {
		f.t.Errorf("afterwards, after %v: %+v", time.Since(begin), o)
	}
}

func takesDescriptors(t *testing.T, _ *Program, f *foreign, s session) {
	r := f.inLanguage(s, `import os
n = 0
try:
    while n < 1000000: os.open("/dev/null", 0); n += 1
except OSError as e: print("no more", e.errno)`, `import { openSync } from "node:fs"
let n = 0
try { while (n < 1000000) { openSync("/dev/null"); n++ } } catch (e) { console.log("no more", e.code === "EMFILE" ? 24 : e) }`, nil)
	if o := r.wait(); !strings.HasPrefix(o.Result.Stdout, "no more 24") {
		t.Errorf("%+v", o)
	}
	f.works(s)
}

// At the limit of processes, which counts threads, there are no more.
func takesThreads(t *testing.T, _ *Program, f *foreign, s session) {
	r := f.inLanguage(s, `import threading, time
try:
    for i in range(10000): threading.Thread(target=time.sleep, args=(999,), daemon=True).start()
except RuntimeError: print("no more", flush=True)
time.sleep(999)`, `for (let i = 0; i < 300; i++) { try { new Worker("data:text/javascript,setInterval(() => {}, 1000)", { type: "module" }) } catch { break } }
setInterval(() => {}, 1000)`, object{"timeoutMs": 1500})
	// A tool may give up by itself when it gets no thread; never may it go on.
	if o := r.wait(); o.Success || o.Result.Status == "EnvironmentLost" {
		t.Errorf("%+v", o)
	}
	f.works(s)
}

// A program that never reads is fed no more than fits.
func refusesInput(t *testing.T, _ *Program, f *foreign, s session) {
	r := f.start(s, sleeper, nil)
	piece, taken, none := strings.Repeat("x", 1<<20), 0, 0
	for none < 3 {
		var accepted struct{ AcceptedBytes int }
		r.call("execution.input", object{"data": piece}, &accepted)
		if taken += accepted.AcceptedBytes; accepted.AcceptedBytes == 0 {
			none++
		}
		if taken > 4<<20 {
			t.Fatalf("%d bytes were taken for a program that reads none", taken)
		}
	}
	f.works(s)
	if !r.signal("SIGKILL") {
		t.Error("the signal was not delivered")
	}
	if o := r.wait(); o.Result.Signal != "SIGKILL" {
		t.Errorf("%+v", o)
	}
}

// Input and output do not wait for each other, whoever reads.
func echoesUnread(t *testing.T, _ *Program, f *foreign, s session) {
	r := f.start(s, object{"type": "execute_shell", "commandName": "cat"}, object{"stream": false})
	for range 40 {
		r.write(strings.Repeat("y", 60<<10))
	}
	r.call("execution.input", object{"eof": true}, nil)
	if o := r.wait(); !o.Success {
		t.Errorf("%+v", o.ErrorCode)
	}
	var attached struct{ DroppedBytes struct{ Stdout int } }
	r.call("execution.attach", nil, &attached)
	f.note("execution.completed", func(p map[string]any) bool { return p["executionId"] == r.id })
	if got := len(r.output()) + attached.DroppedBytes.Stdout; got != 40*60<<10 {
		t.Errorf("%d bytes of %d came or were counted as dropped", got, 40*60<<10)
	}
}

func resizedTooOften(t *testing.T, _ *Program, f *foreign, s session) {
	r := f.start(s, inTerminal("sh", "-c", `trap 'echo "<$(stty size)>"' WINCH; echo up; while :; do sleep 0.02; done`), nil)
	r.until("up")
	last := 0
	for i := range 1000 {
		last = f.send("execution.resize", r.params(object{"cols": 1 + i, "rows": 1 + i}))
	}
	f.result(last, nil)
	r.until("<1000 1000>")
	r.signal("SIGKILL")
	r.wait()
	f.works(s)
}

// Neither a subreaper nor a name of control characters nor a process that
// outlives its parent stays.
func hidesInTree(t *testing.T, _ *Program, f *foreign, s session) {
	if s.Language != "python" {
		t.Skip("prctl needs a tool that can call it: " + runtimes.Native.String() + " and Docker do it with Python")
	}
	r := f.inLanguage(s, `import ctypes, os, signal, sys, time
prctl = ctypes.CDLL(None).prctl
PDEATHSIG, NAME, SUBREAPER = 1, 15, 36
prctl(PDEATHSIG, 0); prctl(SUBREAPER, 1); prctl(NAME, b"\x1b[31mX")
for i in range(3):
    if os.fork() == 0:
        os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); prctl(NAME, b"\x1b]0;Y\a")
        if os.fork(): os._exit(0)
        time.sleep(999)
print("up", flush=True)
time.sleep(999) # `+s.ID, "", nil)
	r.until("up")
	wantAlive(t, 4, s.ID)
	r.signal("SIGKILL")
	if o := r.wait(); o.Result.Signal != "SIGKILL" {
		t.Errorf("%+v", o)
	}
	wantGone(t, "SIGKILL", s.ID)
	f.works(s)
}
