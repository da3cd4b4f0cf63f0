package runtimes

import (
	"errors"
	"fmt"
	"slices"
)

// Problem is something that a probe found not to work. As an error it says to
// the log what was being done and why that failed.
type Problem struct {
	// Languages are those that are not served for it; none is every language
	// of the runtime.
	Languages []Language
	// Absent: nothing is broken, something is not installed.
	Absent bool
	// Step names what was being done: "find tools", "wait for guest".
	Step string
	// Reason is a sentence for clients and the operator: what is wrong and what
	// to do. It holds no secret of the server.
	Reason string
	// Err is the whole cause, for the log.
	Err error
}

// Error gives the step and the cause, for the log.
func (p *Problem) Error() string { return fmt.Sprintf("%s: %v", p.Step, p.Err) }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// ProblemOf makes a problem of a failure. One that is in err already, or an
// *EnvironmentError, gives its step and reason; any other is told as that step
// and by explain.
func ProblemOf(err error, step string, explain func(error) string, languages ...Language) Problem {
	var known *Problem
	var failed *EnvironmentError
	switch {
	case errors.As(err, &known):
		p := *known
		if p.Languages == nil {
			p.Languages = languages
		}
		return p
	case errors.As(err, &failed):
		cause := failed.Err
		if err != error(failed) { // it came with more
			cause = err
		}
		return Problem{Languages: languages, Step: failed.Step, Reason: failed.Reason, Err: cause}
	}
	return Problem{Languages: languages, Step: step, Reason: explain(err), Err: err}
}

// AddProblem adds one to a list. What several languages suffer from is told
// once for all of them.
func AddProblem(list []Problem, p Problem) []Problem {
	for i := range list {
		if same := &list[i]; same.Step == p.Step && same.Reason == p.Reason {
			if len(same.Languages) > 0 {
				same.Languages = append(slices.Clone(same.Languages), p.Languages...)
			}
			return list
		}
	}
	return append(list, p)
}
