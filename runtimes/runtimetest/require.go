package runtimetest

import (
	"os"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

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
