package vmtest

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// caseVariable names the case that is tested. It is set in the machine only.
const caseVariable = "CODEBEAKER_VM"

// A situation is who the server is, and what it can have there.
type situation struct {
	name   string
	groups bool // it can make control groups
	unit   bool // it is a unit of its own; the tests are root, outside of it
}

var situations = []situation{
	{name: "Root", groups: true},
	{name: "User", groups: true}, // with a systemd of its own, as after a login
	{name: "UserWithoutBus"},
	{name: "DelegatedUnit", groups: true, unit: true}, // an ordinary user, and Delegate=yes
}

// current is the case that is tested; without one the test skips.
func current(t *testing.T) situation {
	t.Helper()
	name := os.Getenv(caseVariable)
	if name == "" {
		t.Skip("runs in the machine of `make vm`")
	}
	for _, s := range situations {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("%s=%s: there is no such case", caseVariable, name)
	return situation{}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMachine runs a whole server in the case at hand.
func TestMachine(t *testing.T) {
	s := current(t)
	t.Run(s.name, func(t *testing.T) {
		before, dir := look(t), dataDirectory(t, s)
		t.Run("Crash", func(t *testing.T) { testCrash(t, start(t, s, dir, "native")) })
		server := start(t, s, dir, "native,bun,deno")
		t.Run("Sweep", func(t *testing.T) { testSweep(t, server) })
		for _, l := range languages {
			t.Run(l.runtime, func(t *testing.T) { testRuntime(t, server, l) })
		}
		t.Run("SeedExample", func(t *testing.T) { testSeedExample(t, server) })
		t.Run("Stop", func(t *testing.T) { testStop(t, server, before) })
	})
}
