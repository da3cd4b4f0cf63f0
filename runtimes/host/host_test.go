package host

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
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

// namings is a logger's handler that notes each name given to a runtime's
// loggers, and keeps their lines.
type namings struct {
	slog.Handler
	shared *struct {
		sync.Mutex
		names []string
	}
}

func (n namings) WithAttrs(attrs []slog.Attr) slog.Handler {
	n.shared.Lock()
	defer n.shared.Unlock()
	for _, a := range attrs {
		if a.Key == "runtime" {
			n.shared.names = append(n.shared.names, a.Value.String())
		}
	}
	return namings{n.Handler.WithAttrs(attrs), n.shared}
}

func (n namings) Enabled(context.Context, slog.Level) bool { return true }

// Lines had runtime=docker and runtime=Docker, or a name in small letters,
// which no client knows.
func TestARuntimeIsNamedOnceInTheLogByItsType(t *testing.T) {
	var out bytes.Buffer
	handler := namings{Handler: slog.NewTextHandler(&out, nil)}
	handler.shared = new(struct {
		sync.Mutex
		names []string
	})
	h, err := Open(Options{DataDir: t.TempDir(), Mark: "test", Logger: slog.New(handler)})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, rt := range h.Runtimes {
		types = append(types, rt.Type().String())
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	handler.shared.Lock()
	defer handler.shared.Unlock()
	slices.Sort(handler.shared.names)
	slices.Sort(types)
	if !slices.Equal(handler.shared.names, types) {
		t.Errorf("the runtimes %v have the names %v", types, handler.shared.names)
	}
}
