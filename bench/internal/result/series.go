package result

import (
	"strings"
)

// The classes of what is measured beside the product.
const (
	// Bare is the same work without isolation or server.
	Bare = "bare"
	// Docker is the same work by the docker command, as a user types it.
	Docker = "docker"
	// Beside is another way that no ratio is computed to.
	Beside = "beside"
)

// Series are the samples of one operation on one subject.
type Series struct {
	Scenario string `json:"scenario"` // create, execute, ...
	Variant  string `json:"variant"`  // language or size, "" where there is but one
	Subject  string `json:"subject"`  // runtime, or what stands beside it
	// Baseline is the class of what stands beside, "" for the product itself.
	Baseline string `json:"baseline,omitempty"`
	// What says in a few words what was timed.
	What string `json:"what,omitempty"`

	// NotBuilt says why there are no samples, "" when it was measured.
	NotBuilt string `json:"notBuilt,omitempty"`
	// GivenUp says why there are fewer samples than were wanted.
	GivenUp string `json:"givenUp,omitempty"`

	Warmup   int       `json:"warmup"` // samples that were discarded
	Wanted   int       `json:"wanted"`
	Samples  []float64 `json:"samples"` // nanoseconds of each, in order of time
	At       []float64 `json:"at"`      // when each ended, milliseconds since the first
	Failures []Failure `json:"failures,omitempty"`

	Summary *Summary `json:"summary"` // nanoseconds; nil without samples
	// Ratios are this median divided by that of the baselines, by their class.
	Ratios map[string]float64 `json:"ratios,omitempty"`
}

// Failure is what went wrong, and how often.
type Failure struct {
	Message     string `json:"message"`
	Count       int    `json:"count"`
	WrongOutput bool   `json:"wrongOutput"`
}

// Key names the series among those of every run.
func (s *Series) Key() string {
	parts := []string{s.Scenario, s.Variant, s.Subject}
	if s.Variant == "" {
		parts = []string{s.Scenario, s.Subject}
	}
	return strings.Join(parts, "/")
}

// Group names the series it is compared with.
func (s *Series) Group() string {
	if s.Variant == "" {
		return s.Scenario
	}
	return s.Scenario + "/" + s.Variant
}

// Add takes a sample.
func (s *Series) Add(nanoseconds, atMs float64) {
	s.Samples = append(s.Samples, nanoseconds)
	s.At = append(s.At, atMs)
}

// Fail counts a failure.
func (s *Series) Fail(message string, wrong bool) {
	for i := range s.Failures {
		if s.Failures[i].Message == message {
			s.Failures[i].Count++
			return
		}
	}
	s.Failures = append(s.Failures, Failure{Message: message, Count: 1, WrongOutput: wrong})
}

// FailureCount is the number of operations that failed.
func (s *Series) FailureCount() (n int) {
	for _, f := range s.Failures {
		n += f.Count
	}
	return n
}
