package actors

import (
	"math"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// PoolSize bounds a pool.
type PoolSize struct {
	// Min are kept ready whatever the demand; Max are ready at most.
	Min, Max int
	// Imports are modules that the kernel of a ready environment has imported.
	Imports []string
}

const (
	// DefaultPoolMin is kept ready of the runtime that Balanced picks for Python,
	// JavaScript and TypeScript.
	DefaultPoolMin = 2
	// DefaultPoolMax is the most of a pool.
	DefaultPoolMax = 16
)

// DefaultPoolSize is that of a language of which nothing else is said.
func DefaultPoolSize(l runtimes.Language) PoolSize {
	size := PoolSize{Max: DefaultPoolMax}
	switch l {
	case runtimes.Python, runtimes.JavaScript, runtimes.TypeScript:
		size.Min = DefaultPoolMin
	}
	return size
}

// How demand is remembered.
const (
	burstWindow = 300 // seconds
	rateWindow  = 10  // seconds
	// wantedFor is how long after its last claim a pool keeps at least one ready.
	wantedFor = 30 * time.Minute
	// fillsKept is of how many fills the times are kept.
	fillsKept = 16
)

// demand is what a pool knows of the claims. Its zero value had none.
type demand struct {
	buckets [burstWindow]bucket
	last    time.Time // of a claim
	fills   []time.Duration
}

// bucket counts the claims of one second.
type bucket struct {
	second int64
	claims int
}

func (d *demand) note(now time.Time) {
	second := now.Unix()
	b := &d.buckets[second%burstWindow]
	if b.second != second {
		*b = bucket{second: second}
	}
	b.claims++
	d.last = now
}

// filled notes how long a fill took.
func (d *demand) filled(took time.Duration) {
	if len(d.fills) == fillsKept {
		d.fills = d.fills[1:]
	}
	d.fills = append(d.fills, took)
}

// fillTime is the time below which nine of ten fills are, zero without any.
func (d *demand) fillTime() time.Duration {
	if len(d.fills) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d.fills))
	return sorted[(len(sorted)*9-1)/10]
}

// target is how many should be ready: what is claimed while twice a fill goes on, at
// the rate of the last ten seconds, and as many more as were ever claimed within a
// second of the last five minutes.
func (d *demand) target(now time.Time, size PoolSize) int {
	second, recent, burst := now.Unix(), 0, 0
	for i := range d.buckets {
		b := &d.buckets[i]
		age := second - b.second
		if b.claims == 0 || age >= burstWindow {
			continue
		}
		burst = max(burst, b.claims)
		if age < rateWindow {
			recent += b.claims
		}
	}
	least := size.Min
	if !d.last.IsZero() && now.Sub(d.last) < wantedFor {
		least = max(least, 1)
	}
	rate := float64(recent) / rateWindow
	wanted := int(math.Ceil(rate*d.fillTime().Seconds()*2)) + burst
	return min(max(wanted, least), size.Max)
}
