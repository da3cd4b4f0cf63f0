package load

import (
	"math/rand/v2"
	"time"
)

// plan says what is aimed at over time: a rate, or a number of workers.
type plan struct {
	start  float64
	stages []Stage
}

// planOf is that of a scenario: constant without stages; with stages it begins
// at zero.
func planOf(s *Scenario) plan {
	if len(s.Stages) > 0 {
		return plan{stages: s.Stages}
	}
	target := s.Rate
	if s.Model == "closed" {
		target = float64(s.Workers)
	}
	return plan{start: target, stages: []Stage{{For: s.Duration, Target: target}}}
}

func (p plan) duration() (total time.Duration) {
	for _, s := range p.stages {
		total += time.Duration(s.For)
	}
	return total
}

// at is what is aimed at after so long; zero behind the end.
func (p plan) at(t time.Duration) float64 {
	from := p.start
	for _, s := range p.stages {
		if length := time.Duration(s.For); t >= length {
			t -= length
			from = s.Target
			continue
		}
		return from + (s.Target-from)*float64(t)/float64(s.For)
	}
	return 0
}

// most is the largest target.
func (p plan) most() float64 {
	most := p.start
	for _, s := range p.stages {
		most = max(most, s.Target)
	}
	return most
}

// slice is the time within which a rate counts as constant.
const slice = time.Millisecond

// arrivals yields when calls are meant to start, from the beginning of the
// load. random is nil for even spaces.
func (p plan) arrivals(random *rand.Rand) func(yield func(time.Duration) bool) {
	return func(yield func(time.Duration) bool) {
		space := func() float64 {
			if random == nil {
				return 1
			}
			return random.ExpFloat64()
		}
		need, end := space(), p.duration()
		for from := time.Duration(0); from < end; from += slice {
			rate := p.at(from) // a second
			for left, at := rate*slice.Seconds(), from; ; {
				if need > left {
					need -= left
					break
				}
				left -= need
				at += time.Duration(need / rate * float64(time.Second))
				if !yield(at) {
					return
				}
				need = space()
			}
		}
	}
}
