package guestlink

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
)

// TestTheAgentIsSmall holds the sizes that let one agent run in each session.
func TestTheAgentIsSmall(t *testing.T) {
	notShort(t)
	if os.Geteuid() != 0 {
		t.Skip("the same agent")
	}
	a := startAgent(t)
	l := openOn(t, a, Options{Hello: hardened})
	for range 50 {
		run(t, l, shell("seq 10000"))
	}
	resident, file := residentOf(t, a.pid)
	if resident > 10<<20 || file > 5<<20 {
		t.Errorf("%d bytes resident, %d on disk", resident, file)
	}
	t.Logf("%d KiB resident, %d KiB on disk", resident>>10, file>>10)
}

func residentOf(t *testing.T, pid int) (resident, file int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			resident = kilobytes << 10
		}
	}
	info, err := os.Stat(guesttest.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	return resident, info.Size()
}
