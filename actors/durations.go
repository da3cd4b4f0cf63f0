package actors

import (
	"slices"
	"sync"
	"time"
)

// durationsKept is how many of the last ones count.
const durationsKept = 64

// durations remembers how long things took. Its zero value knows none. It is safe for
// use by several goroutines.
type durations struct {
	mu   sync.Mutex
	last [durationsKept]time.Duration
	n    int // how many there were
}

func (d *durations) note(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.n%durationsKept] = took
	d.n++
}

// median is that of the last ones, zero without any.
func (d *durations) median() time.Duration {
	d.mu.Lock()
	sorted := slices.Clone(d.last[:min(d.n, durationsKept)])
	d.mu.Unlock()
	if len(sorted) == 0 {
		return 0
	}
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
