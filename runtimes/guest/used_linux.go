package guest

import (
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
