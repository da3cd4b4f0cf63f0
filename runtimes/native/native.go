package native

import (
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// Options are what the runtime needs of the server.
type Options = boxed.Options

// New returns the runtime. It starts nothing; Probe finds out what is there.
func New(o Options) runtimes.Runtime {
	return boxed.New(o, boxed.Flavor{
		Type:     runtimes.Native,
		Programs: append([]string{"python3", "node", "go"}, compilers...),
		Find:     find,
	})
}
