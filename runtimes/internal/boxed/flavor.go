package boxed

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

// Flavor is what one boxed runtime has of its own.
type Flavor struct {
	Type runtimes.Type
	// Programs are the names that Find looks for. While the files they lead
	// to stay the same, an answer of Find is used again.
	Programs []string
	// Find finds the tools on this host. It may start programs and take
	// seconds. An error is a *runtimes.Problem, which says why the runtime is
	// not available.
	Find func(ctx context.Context, host *Host) (Kit, error)
}

// Kit is what a flavor found on this host.
type Kit struct {
	// Version is that of the runtime, Tools those of the programs by name.
	Version string
	Tools   map[string]string
	// Languages are what the kit can serve, Problems why it does not serve
	// others: one at least where it serves none.
	Languages []Language
	Problems  []runtimes.Problem
	// Reserve is how many bytes of data the tool reserves at its start and
	// does not use. Control groups do not count them. RLIMIT_DATA does, so it
	// is that much above the session's memory, and not told as a limit of it.
	Reserve int64
	// Programs, Binds and Env are in every box of the kit.
	Programs []Program
	Binds    []box.Bind
	Env      []string
}

// Program is found first on the PATH of a box, by its name.
type Program struct {
	Name string
	// Path is the program's real path on the host. It need not be visible in
	// the box otherwise.
	Path string
}

// Language is a language that a kit serves.
type Language struct {
	Language runtimes.Language
	// Env are variables of boxes of this language.
	Env []string
	// Warm is a cache that boxes of this language start with; nil is none.
	Warm *Warm
	// Check is a program that proves that the language works.
	Check Check
}

// Check is a program that prints "ok" and a newline on its standard output.
type Check struct {
	Name string   // of the file in the workspace
	Text string   // its content
	Run  []string // command line
	// Cold is run instead while the language's warm cache is being filled,
	// where Run would take seconds without it. It need only succeed.
	Cold []string
}

func (k *Kit) language(l runtimes.Language) *Language {
	for i := range k.Languages {
		if k.Languages[i].Language == l {
			return &k.Languages[i]
		}
	}
	return nil
}
