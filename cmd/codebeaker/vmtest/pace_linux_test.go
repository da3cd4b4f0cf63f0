package vmtest

import (
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"
)

// ordinary is about what the start of a process takes on a machine that is not
// emulated.
const ordinary = time.Millisecond

// slowness is how many times slower this machine starts a process, measured.
var slowness = sync.OnceValue(func() int {
	var took []time.Duration
	for range 20 {
		begin := time.Now()
		if err := exec.Command("/bin/true").Run(); err != nil {
			return 1
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return min(max(int(took[len(took)/2]/ordinary), 1), 100)
})

// stretched is a bound for an ordinary machine, on this one.
func stretched(bound time.Duration) time.Duration { return bound * time.Duration(slowness()) }

// patience bounds what should come at once.
func patience() time.Duration { return max(stretched(time.Second), 20*time.Second) }

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(patience()); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	t.Errorf("not within %v: %s", patience(), what)
	return false
}
