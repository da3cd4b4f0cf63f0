package runtimetest

import (
	_ "embed"
	"testing"
)

var workFindings = []finding{
	{
		name: "UsualWork", on: everyKind, check: usualWork,
		what: "threads, workers, compiled and generated code, shared memory, timers, profilers and test tools of the language work " +
			"(the filter of system calls is an allow-list)",
	},
	{
		name: "Debuggers", on: everyKind, check: debuggers,
		what: "gdb and strace work on programs of the session",
		but:  []exception{{everyKind, "command -v gdb && command -v strace", "where the host, or the image, has them"}},
	},
}

//go:embed testdata/work.py
var workPython string

//go:embed testdata/work_node.mjs
var workNode string

//go:embed testdata/work_bun.ts
var workBun string

//go:embed testdata/work_deno.ts
var workDeno string

//go:embed testdata/work.go.txt
var workGo string

//go:embed testdata/Work.cs
var workCSharp string

// usualWork runs a program that prints "worked" once all of its parts have.
func usualWork(t *testing.T, p *place) {
	work := map[kind]struct{ file, text, line string }{
		dockerPython: {"work/work.py", workPython, "python3 work.py"},
		dockerNode:   {"work/work.mjs", workNode, "node --test work.mjs >&2; node work.mjs"},
		dockerGo:     {"work/work.go", workGo, "go run work.go"},
		dockerDotnet: {"work/Work.cs", workCSharp, "mcs -out:work.exe Work.cs; mono work.exe"},
		bun:          {"work/work.test.ts", workBun, "bun test work.test.ts >&2; echo worked"},
		deno:         {"work/work_test.ts", workDeno, "deno test -A --coverage=cov work_test.ts >&2; echo worked"},
	}
	work[nativePython], work[nativeNode], work[nativeGo] = work[dockerPython], work[dockerNode], work[dockerGo]
	w := work[p.kind]
	p.put(t, map[string]string{w.file: w.text})
	if got := p.sh(t, "cd work; "+w.line); got != "worked\n" {
		t.Errorf("it printed %q", got)
	}
}

func debuggers(t *testing.T, p *place) {
	got := p.sh(t, `strace -f -o trace sh -c 'true; sleep 0' && grep -q execve trace && echo traced
gdb -q -batch -ex 'break exit' -ex run -ex 'info registers' -ex continue /bin/true 2>&1 | grep -o 'exited normally'`)
	if got != "traced\nexited normally\n" {
		t.Errorf("it printed %q", got)
	}
}
