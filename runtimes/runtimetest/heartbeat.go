package runtimetest

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// heartbeat is a file that a process keeps adding to while it lives: proof, by
// effect, of who is still there.
type heartbeat struct {
	suite *suite
	env   runtimes.Environment
	file  string
}

func newHeartbeat(t *testing.T, s *suite, env runtimes.Environment) *heartbeat {
	t.Helper()
	return &heartbeat{s, env, folder(t, env.Workspace()) + "/beat"}
}

// command runs a line of shell in which $BEAT is a script that beats for ever
// and ignores what can be ignored.
func (h *heartbeat) command(t testing.TB, line string) runtimes.Command {
	t.Helper()
	cmd := h.suite.shell(t, line)
	cmd.Env = []string{"BEAT=trap '' TERM INT HUP QUIT PIPE; while :; do echo >> /workspace/" + h.file + "; sleep 0.02; done"}
	return cmd
}

func (h *heartbeat) size(t testing.TB) int64 {
	t.Helper()
	found, err := h.env.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: h.file, Length: 1})
	if runtimes.FileCodeOf(err) == runtimes.CodeNotFound {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return found.Size
}

func (h *heartbeat) untilAlive(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(patience); h.size(t) < 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no heartbeat")
		}
	}
}

// untilMore waits for another beat.
func (h *heartbeat) untilMore(t testing.TB) {
	t.Helper()
	before := h.size(t)
	for deadline := time.Now().Add(patience); h.size(t) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no heartbeat any more")
		}
	}
}

// mustStop fails when there are beats a second after the end was told.
func (h *heartbeat) mustStop(t testing.TB) {
	t.Helper()
	time.Sleep(200 * time.Millisecond) // a second is allowed
	before := h.size(t)
	time.Sleep(300 * time.Millisecond) // a living heart beats fifteen times
	if after := h.size(t); after != before {
		t.Errorf("a process of the tree still lives: %d beats, then %d", before, after)
	}
}
