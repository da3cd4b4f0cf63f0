package kernel

import "github.com/codebeaker/codebeaker/runtimes"

// Stateful are those of the languages that a runtime serves whose code a kernel
// runs there, given the versions of its tools.
func Stateful(t runtimes.Type, a *runtimes.Availability) []runtimes.Language {
	var all []runtimes.Language
	for _, l := range a.Languages {
		if _, ok := EngineFor(t, l, a.Tools); ok {
			all = append(all, l)
		}
	}
	return all
}
