package runtimetest

import (
	"os"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Harness tells the suite how to handle a runtime. New must be given.
type Harness struct {
	// New makes the runtime under test; the suite closes it. It may skip the
	// test, see Require.
	New func(t testing.TB) runtimes.Runtime
	// Language is that of the sessions; zero is the first that a probe finds.
	Language runtimes.Language
	// Programs say abstract programs in commands of the runtime. The zero
	// value is those of Shell.
	Programs Programs
	// Leftovers lists what is left of an environment, by its name, and of its
	// workspace after everything
	// has been closed: processes, containers, mounts, directories, cgroups.
	// It is asked again for some seconds. Nil looks for nothing.
	Leftovers func(t testing.TB, name string) []string
	// KillOutside ends an environment behind the back of the runtime: kills
	// the guest, removes the container. Nil skips what needs it.
	KillOutside func(t testing.TB, env runtimes.Environment)
	// Spec edits each Spec, for an image or a smaller limit. Nil does not.
	Spec func(*runtimes.Spec)
	// FoundIn are the languages whose environments are looked at for what programs
	// find in them; nil is all that the runtime serves.
	FoundIn []runtimes.Language
	// Only are the subjects, or "SUBJECT/CASE", to run; nil is all.
	Only []string
	// Differs gives the reasons why the runtime does otherwise than a case wants,
	// by "SUBJECT/CASE": it is skipped.
	Differs map[string]string
	// Lacks gives the reasons why the runtime lacks capabilities.
	Lacks map[Capability]string
}

// Capability is something that the contract lets a runtime do without.
type Capability string

// The capabilities that cannot be read from the contract.
const (
	// CommandLimits: CommandLimits of memory, CPU and processes.
	CommandLimits Capability = "limits of one command"
	// ExactProcesses: as many processes as the limit says, and not one more.
	ExactProcesses Capability = "an exact limit of processes"
	// ProcessorFiles: /proc tells of the processors that programs may use.
	ProcessorFiles Capability = "processors in /proc"
	// RoomOnDisk: a session can have more room than its share of memory.
	RoomOnDisk Capability = "room on disk"
	// RaisedLate: limits can be raised in an environment that is there, and its
	// places in memory resized.
	RaisedLate Capability = "limits raised late"
	// OwnFiles: each environment has /tmp and HOME to itself.
	OwnFiles Capability = "files outside the workspace"
)

// needs skips a case unless the capability is there.
func (s *suite) needs(t testing.TB, c Capability) {
	t.Helper()
	if reason, lacks := s.harness.Lacks[c]; lacks {
		t.Skipf("lacks %s: %s", c, reason)
	}
}

// requireVariable lists the runtimes that must be there, by name, separated by
// commas: for a machine on which a skip would hide a failure of its set-up.
const requireVariable = "CODEBEAKER_REQUIRE"

// Require skips the test, with the reason, when the runtime is not available,
// and fails it when CODEBEAKER_REQUIRE names the runtime.
func Require(t testing.TB, runtime runtimes.Type, found runtimes.Availability) {
	t.Helper()
	switch {
	case found.Available:
	case required(os.Getenv(requireVariable), runtime):
		t.Fatalf("%v is required by %s and not available: %s", runtime, requireVariable, found.Reason)
	default:
		t.Skipf("%v is not available: %s", runtime, found.Reason)
	}
}

func required(list string, runtime runtimes.Type) bool {
	for name := range strings.SplitSeq(list, ",") {
		if t, ok := runtimes.ParseType(strings.TrimSpace(name)); ok && t == runtime {
			return true
		}
	}
	return false
}
