package runtimes

import (
	"fmt"
	"slices"
)

// Availability is what a runtime offers on this host at the moment of a probe.
type Availability struct {
	Available bool
	// Reason says in a sentence why not, and what to do about it.
	Reason string
	// Problems are what the probe found wrong, also where other languages work.
	Problems []Problem
	// Version is that of the runtime itself: the engine, bun, deno.
	Version string
	// Tools are the versions of what programs find, by name: "node": "20.1".
	Tools map[string]string
	// Languages are those served here now, in the order of Languages.
	Languages []Language
	// Isolation is what an environment would get.
	Isolation Isolation
	// Terminal says that Command.Terminal works.
	Terminal bool
	// Stateful are the languages whose code runs in a kernel that keeps state.
	Stateful []Language
	// Processes says that programs can be started at all.
	Processes bool
}

// Serves reports whether the language can be used now.
func (a *Availability) Serves(l Language) bool {
	if !a.Available {
		return false
	}
	return slices.Contains(a.Languages, l)
}

// WhyNot says in a sentence why the language cannot be used now.
func (a *Availability) WhyNot(l Language) string {
	for i := range a.Problems {
		if slices.Contains(a.Problems[i].Languages, l) {
			return a.Problems[i].Reason
		}
	}
	if !a.Available {
		return a.Reason
	}
	return fmt.Sprintf("it does not serve %s here", l)
}

// Unavailable is the availability of a runtime of which nothing works. There is
// at least one problem; the first gives the reason.
func Unavailable(problems ...Problem) Availability {
	return Availability{Reason: problems[0].Reason, Problems: problems}
}
