package cpus

import (
	"runtime"
	"testing"
	"time"
)

func TestTheHostHasTheProcessorsOfThisProcess(t *testing.T) {
	m := Host()
	if got := m.Visible(0); got != runtime.NumCPU() {
		t.Errorf("%d, not %d", got, runtime.NumCPU())
	}
	before := readTimes()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		busy, known := readTimes()[m.numbers[0]].since(before[m.numbers[0]])
		if known && busy >= 0 && busy <= 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("busy %v, known %v", busy, known)
		}
	}
}
