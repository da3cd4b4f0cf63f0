package host

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, names ...string) (*Host, error) {
	t.Helper()
	return Open(Options{Names: names, DataDir: t.TempDir(), Mark: "test", Logger: slog.New(slog.DiscardHandler)})
}

// What runs nobody's code must not be offered by mistake.
func TestTheRuntimeMadeForLoadIsOfferedOnlyByItsName(t *testing.T) {
	if slices.Contains(Names(), "fake") {
		t.Errorf("it is among the defaults: %v", Names())
	}
	h, err := open(t, " Fake ")
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Runtimes) != 1 || h.Runtimes[0].Probe(t.Context()).Isolation.Score != 0 || h.Runtimes[0].Type() != runtimes.Native {
		t.Errorf("%+v", h.Runtimes)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnUnknownNameIsRefusedWithTheKnownOnes(t *testing.T) {
	if _, err := open(t, "podman"); err == nil || !strings.Contains(err.Error(), `"podman"; there are bun, deno, docker, native`) {
		t.Errorf("%v", err)
	}
}
