package host

import (
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// newFake makes the runtime that load tests drive the server with: its programs
// are functions of the server, so that thousands of sessions cost only what the
// server itself does. It runs no code of anyone, isolates nothing and says so:
// its score is 0. It stands in Native's place.
func newFake(o Options, _ *Host) (runtimes.Runtime, error) {
	return fake.New(fake.Options{Type: runtimes.Native, Dir: o.DataDir, Programs: map[string]fake.Program{"echo": echo}}), nil
}

// echo is the program of that name.
func echo(r *fake.Run) int {
	if _, err := r.Stdout().Write([]byte(strings.Join(r.Args(), " ") + "\n")); err != nil {
		return 1
	}
	return 0
}
