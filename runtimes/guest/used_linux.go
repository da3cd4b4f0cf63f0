package guest

import (
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// usedPoll is how often the processor time of a limited tree is read.
const usedPoll = 50 * time.Millisecond

// watchCPU tells the server when a tree without a control group has used up
// its processor time.
func (x *execution) watchCPU(limit time.Duration) {
	ticks := time.NewTicker(usedPoll)
	defer ticks.Stop()
	for {
		select {
		case <-x.gone:
			return
		case <-ticks.C:
		}
		if x.usedNow() >= limit {
			x.send(frame.KindCPUExceeded, 0, nil)
			return
		}
	}
}

// peakMemory is what the largest process held at most; nil is not known. A
// program begins in the memory of the agent, and the kernel counts that as its
// own (getrusage(2)): only what exceeds it says something.
func (x *execution) peakMemory() *int64 {
	peak := x.peak.Load()
	if peak == 0 || peak <= ownPeak() {
		return nil
	}
	return &peak
}

// ownPeak is the most memory that the agent held, in bytes.
func ownPeak() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return math.MaxInt64
	}
	_, rest, _ := strings.Cut(string(text), "\nVmHWM:")
	line, _, _ := strings.Cut(rest, " kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return kib << 10
}

// usedNow is the processor time of the live members and of what has been
// reaped of the tree.
func (x *execution) usedNow() time.Duration {
	sum := time.Duration(0)
	all, members := x.look()
	for _, pid := range members {
		sum += all[pid].used
	}
	if len(members) > 0 {
		sum += all[x.keeper].usedBelow
	}
	return sum
}
