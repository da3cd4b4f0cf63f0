package runtimes

import (
	"strings"
	"time"
)

// Figures are what the selector weighs besides the isolation score.
type Figures struct {
	// Startup is creating an environment from cold plus the tool's hello.
	Startup time.Duration
	// Memory is what an idle environment with its idle tool occupies, bytes.
	Memory int64
}

// Candidate is a runtime that may be chosen.
type Candidate struct {
	Type    Type
	Figures Figures
	Score   int // of its isolation
	// Strongest is the score of what a session that prefers Security gets, where
	// that is more; else zero.
	Strongest int
}

// tie is how far apart two values may be, as a part of the larger, and still
// count as equal.
const tie = 0.10

// rounding keeps values that are exactly that far apart from tying by an error
// of the last binary digit.
const rounding = 1e-9

// Select returns the index of the best candidate by the formulas of
// docs/runtimes.md, -1 without candidates. Values less than 10 % apart
// tie, and a tie goes to the first in the order of Type. Embedded is chosen
// only when there is nothing else. It allocates nothing.
func Select(candidates []Candidate, p Preference) int {
	best := bestOf(candidates)
	top, winner := -1.0, -1
	for i := range candidates {
		if candidates[i].Type == Embedded && best.others {
			continue
		}
		top = max(top, best.value(&candidates[i], p))
	}
	for i := range candidates {
		c := &candidates[i]
		if c.Type == Embedded && best.others {
			continue
		}
		if top-best.value(c, p) < tie*top-rounding || top == 0 {
			if winner < 0 || c.Type < candidates[winner].Type {
				winner = i
			}
		}
	}
	return winner
}

// reference holds the best figures of the candidates.
type reference struct {
	startup time.Duration
	memory  int64
	others  bool // there are candidates besides Embedded
}

func bestOf(candidates []Candidate) (r reference) {
	for i := range candidates {
		c := &candidates[i]
		if c.Type != Embedded {
			r.others = true
		}
	}
	for i := range candidates {
		c := &candidates[i]
		if c.Type == Embedded && r.others {
			continue
		}
		if r.startup == 0 || c.Figures.Startup < r.startup {
			r.startup = c.Figures.Startup
		}
		if r.memory == 0 || c.Figures.Memory < r.memory {
			r.memory = c.Figures.Memory
		}
	}
	return r
}

// value is higher for the better candidate, between 0 and 1.
func (r *reference) value(c *Candidate, p Preference) float64 {
	speed := ratio(float64(r.startup), float64(c.Figures.Startup))
	memory := ratio(float64(r.memory), float64(c.Figures.Memory))
	security := float64(c.Score) / 10
	switch p {
	case Speed:
		return speed
	case Security:
		return float64(max(c.Score, c.Strongest)) / 10
	case Memory:
		return memory
	}
	return 0.4*speed + 0.3*security + 0.3*memory
}

func ratio(best, this float64) float64 {
	if this <= 0 {
		return 1
	}
	return best / this
}

// Preference says what matters most in the choice of a runtime. The zero value
// is Speed, as number 0 is on the wire.
type Preference uint8

// The preferences, in the order of their numbers on the wire.
const (
	Speed Preference = iota
	Security
	Memory
	Balanced

	preferenceCount = iota
)

var preferenceNames = [preferenceCount]string{"Speed", "Security", "Memory", "Balanced"}

// String returns the wire name.
func (p Preference) String() string {
	if int(p) >= preferenceCount {
		return ""
	}
	return preferenceNames[p]
}

// ParsePreference reads a wire name without regard to case.
func ParsePreference(name string) (Preference, bool) {
	for p, known := range preferenceNames {
		if strings.EqualFold(name, known) {
			return Preference(p), true
		}
	}
	return 0, false
}

// PreferenceOf reads a number of the wire, 0 to 3.
func PreferenceOf(n int) (Preference, bool) {
	if n < 0 || n >= preferenceCount {
		return 0, false
	}
	return Preference(n), true
}
