package runtimetest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// chargedCases are about what counts against a session's memory.
var chargedCases = []testCase{
	{"MemoryOfAllProcessesTogetherIsLimited", allMemoryLimited},
	{"TheKernelTakesProgramsBeforeTheServer", beforeServer},
	{"WhatFileCommandsWriteIsCharged", filesCharged},
	{"FileCommandsDoNotTakeTheMemoryOfPrograms", filesRefused},
}

// A limit of memory that is told is that of all processes: one of each by itself
// let five hold four times as much.
func allMemoryLimited(t *testing.T, s *suite) {
	env := s.create(t, nil)
	limit := env.Limits().MemoryBytes
	enforced(t, "memory of all processes", limit)
	const program = `i=0; while [ $i -lt 3 ]; do dd if=/dev/zero bs=$1 count=1 2>/dev/null | sleep 1000 & i=$((i+1)); done
n=0; most=0; while [ $n -lt 10 ]; do
	held=$(cat /proc/[0-9]*/status 2>/dev/null | { sum=0; while read -r key value rest; do [ "$key" != RssAnon: ] || sum=$((sum+value)); done; echo $sum; })
	[ $held -le $most ] || most=$held
	n=$((n+1)); sleep 0.1
done; echo $most`
	did := s.run(t, env, s.shell(t, program, strconv.FormatInt(limit/2, 10)))
	most, err := strconv.ParseInt(strings.TrimSpace(did.stdout), 10, 64)
	if err != nil {
		t.Fatalf("%v: %s", err, did)
	}
	if held := most << 10; held < limit/4 || held > limit {
		t.Errorf("three processes held %d MB under a limit of %d MB", held>>20, limit>>20)
	}
}

// When the host runs out of memory, whoever filled it goes: a program, then an
// agent, and the server last. A program that has a keeper is like its agent.
func beforeServer(t *testing.T, s *suite) {
	own, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Skip("the kernel has no such score:", err)
	}
	server, err := strconv.Atoi(strings.TrimSpace(string(own)))
	if err != nil {
		t.Fatal(err)
	}
	did := s.run(t, s.environment(t), s.shell(t, `cat /proc/self/oom_score_adj /proc/1/oom_score_adj`))
	var program, agent int
	if _, err := fmt.Sscan(did.stdout, &program, &agent); err != nil {
		t.Fatalf("%v: %s", err, did)
	}
	if program < agent || agent < 500 || agent <= server && server < 500 {
		t.Errorf("a program has %d, its agent %d, the server %d", program, agent, server)
	}
}

// inMemory makes an environment whose files are in its memory, as far as half of
// it.
func (s *suite) inMemory(t *testing.T) (runtimes.Environment, int64) {
	t.Helper()
	env := s.create(t, littleMemory)
	limit := env.Limits().MemoryBytes
	enforced(t, "memory of all processes", limit)
	enforced(t, "disk", env.Limits().DiskBytes)
	return env, limit
}

// What file commands write was charged to the server: a session had half as much
// again as its limit.
func filesCharged(t *testing.T, s *suite) {
	env, limit := s.inMemory(t)
	s.succeeds(t, env, s.hog(t, limit/4*3))
	part := make([]byte, limit/8-1<<20)
	for _, mode := range []runtimes.WriteMode{runtimes.Replace, runtimes.Append} {
		if _, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: "file", Content: part, Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := env.Workspace().CopyFile(t.Context(), runtimes.CopyFile{Source: "file", Destination: "copy"}); err != nil {
		t.Fatal(err)
	}
	overMemory(t, env, s.run(t, env, s.hog(t, limit/4*3)))
	for _, path := range []string{"file", "copy"} {
		if err := env.Workspace().DeleteFile(t.Context(), runtimes.DeleteFile{Path: path}); err != nil {
			t.Fatal(err)
		}
	}
	s.succeeds(t, env, s.hog(t, limit/4*3))
}

// A file for which the memory does not suffice is refused: nothing is ended for it.
func filesRefused(t *testing.T, s *suite) {
	env, limit := s.inMemory(t)
	writeFile(t, env.Workspace(), "kept", "old")
	const holds = `dd if=/dev/zero bs=$1 count=1 2>/dev/null | { head -c 1 >/dev/null; echo ready; sleep 1000; }`
	program, r := s.start(t, env, s.shell(t, holds, strconv.FormatInt(limit/4*3, 10)))
	r.untilText(runtimes.Stdout, "ready")
	large := make([]byte, limit/8*3)
	for _, cmd := range []runtimes.WriteFile{
		{Path: "new"}, {Path: "kept"}, {Path: "kept", Mode: runtimes.Append}, {Path: "kept", Atomic: true},
	} {
		cmd.Content = large
		_, err := env.Workspace().WriteFile(t.Context(), cmd)
		wantCode(t, "write without memory", err, runtimes.CodeNoSpace)
	}
	if got := readFile(t, env.Workspace(), "kept"); got != "old" {
		t.Errorf("a write that failed left %d bytes", len(got))
	}
	if r.exited() {
		t.Errorf("the program was ended: %+v", r.wait())
	}
	program.Stop(runtimes.Cancelled)
	r.wait()
	writeFile(t, env.Workspace(), "kept", string(large))
}
