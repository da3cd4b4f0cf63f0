package runtimetest

import (
	"strconv"
	"strings"
	"testing"
)

// chargedCases are about what counts against a session's memory.
var chargedCases = []testCase{
	{"MemoryOfAllProcessesTogetherIsLimited", allMemoryLimited},
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
