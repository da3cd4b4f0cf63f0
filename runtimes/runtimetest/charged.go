package runtimetest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// chargedCases are about what counts against a session's memory.
var chargedCases = []testCase{
	{"MemoryOfAllProcessesTogetherIsLimited", allMemoryLimited},
	{"TheKernelTakesProgramsBeforeTheServer", beforeServer},
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
