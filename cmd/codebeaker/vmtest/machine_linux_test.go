package vmtest

import (
	"os"
	"strings"
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
	docker bool // it has a Docker engine, and no other runtime
}

var situations = []situation{
	{name: "Root", groups: true},
	{name: "User", groups: true}, // with a systemd of its own, as after a login
	{name: "UserWithoutBus"},
	{name: "DelegatedUnit", groups: true, unit: true}, // an ordinary user, and Delegate=yes
	{name: "Docker", groups: true, docker: true},      // root, with `VM_DOCKER=1 make vm`
}

// languages are those that are tested in a situation, the first of them also
// with a server that is killed.
func (s situation) languages() []language {
	if s.docker {
		return inContainers
	}
	return inBoxes
}

// names are those of the runtimes of languages.
func names(languages []language) string {
	var list []string
	for _, l := range languages {
		list = append(list, strings.ToLower(l.runtime))
	}
	return strings.Join(list, ",")
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
		t.Run("Crash", func(t *testing.T) { testCrash(t, start(t, s, dir, s.languages()[:1])) })
		server := start(t, s, dir, s.languages())
		t.Run("Sweep", func(t *testing.T) { testSweep(t, server) })
		for _, l := range s.languages() {
			t.Run(l.runtime, func(t *testing.T) { testRuntime(t, server, l) })
		}
		if !s.docker {
			t.Run("SeedExample", func(t *testing.T) { testSeedExample(t, server) })
		}
		t.Run("Stop", func(t *testing.T) { testStop(t, server, before) })
	})
}
