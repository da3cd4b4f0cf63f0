package boxedtest

import (
	"context"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// Limits are a usual session's.
var Limits = runtimes.Limits{
	MemoryBytes: 512 << 20, CPUs: 1, Processes: 128, DiskBytes: 64 << 20, OpenFiles: 1024, OutputBytes: 1 << 20,
}

// Spec asks for a usual session in that language.
func Spec(session string, language runtimes.Language) runtimes.Spec {
	return runtimes.Spec{Session: session, Language: language, Limits: Limits}
}

// Available probes the runtime and returns what it offers. Where it is not
// there, the test is skipped or, when the runtime is required
// (CODEBEAKER_REQUIRE), failed; where it does not serve all of the languages,
// skipped. The runtime is closed after the test.
func Available(t testing.TB, r runtimes.Runtime, languages ...runtimes.Language) runtimes.Availability {
	t.Helper()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error("close the runtime:", err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a := r.Probe(ctx)
	runtimetest.Require(t, r.Type(), a)
	for _, language := range languages {
		if !a.Serves(language) {
			t.Skipf("%v does not serve %v here", r.Type(), language)
		}
	}
	return a
}

// RunFile writes a file into the workspace and runs a program to its end.
func RunFile(t testing.TB, e runtimes.Environment, name, text string, command ...string) Result {
	t.Helper()
	if _, err := e.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: name, Content: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	return Run(t, e, command[0], command[1:]...)
}
