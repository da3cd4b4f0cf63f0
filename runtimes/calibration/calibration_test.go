package calibration

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tool is a fake interpreter: it says hello, and stays when it is told to.
func tool(greeting string) fake.Program {
	return func(r *fake.Run) int {
		if _, err := io.WriteString(r.Stdout(), greeting); err != nil {
			return 1
		}
		if strings.Contains(strings.Join(r.Args(), " "), "setTimeout") {
			<-r.Killed()
		}
		return 0
	}
}

func registryOf(t *testing.T, offered ...*fake.Runtime) *runtimes.Registry {
	t.Helper()
	var all []runtimes.Runtime
	for _, rt := range offered {
		all = append(all, rt)
		t.Cleanup(func() {
			if err := rt.Close(); err != nil {
				t.Errorf("an environment is left: %v", err)
			}
		})
	}
	registry := runtimes.NewRegistry(all...)
	registry.Probe(t.Context())
	return registry
}

func newFake(t *testing.T, kind runtimes.Type, delay time.Duration, greeting string) *fake.Runtime {
	return fake.New(fake.Options{Type: kind, Dir: t.TempDir(), CreateDelay: delay,
		Programs: map[string]fake.Program{"node": tool(greeting), "bun": tool(greeting)}})
}

// calibrate runs the calibrator until done says so.
func calibrate(t *testing.T, registry *runtimes.Registry, file string, done func() bool) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	c := Calibrator{Registry: registry, File: file, Logger: slog.New(slog.DiscardHandler)}
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	for !done() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	timedOut := ctx.Err() != nil
	stop()
	<-ended
	if timedOut {
		t.Fatal("the runtimes were not measured")
	}
}

func TestEveryRuntimeIsMeasuredAndTheFiguresAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	slow, fast := newFake(t, runtimes.Bun, 30*time.Millisecond, "hello\n"), newFake(t, runtimes.Docker, 0, "hello\n")
	registry := registryOf(t, slow, fast)
	measured := func() bool { return registry.Offer(runtimes.Bun).Measured }
	calibrate(t, registry, file, measured)
	if got := registry.Offer(runtimes.Bun).Figures.Startup; got < 30*time.Millisecond {
		t.Errorf("startup of the slow one: %v", got)
	}
	if rt := registry.Select(runtimes.JavaScript, runtimes.Speed); rt.Type() != runtimes.Docker {
		t.Errorf("%v is chosen for speed", rt.Type())
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again := registryOf(t, newFake(t, runtimes.Bun, time.Hour, "hello\n"), newFake(t, runtimes.Docker, time.Hour, "hello\n"))
	calibrate(t, again, file, func() bool { return again.Offer(runtimes.Bun).Measured })
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Error("what was known was measured again")
	}
}

func TestAWrongOutputIsNoMeasurement(t *testing.T) {
	rt := newFake(t, runtimes.Bun, 0, "hullo\n")
	_, err := measure(t.Context(), registryOf(t, rt).Offer(runtimes.Bun))
	if err == nil || !strings.Contains(err.Error(), "hullo") {
		t.Errorf("err = %v", err)
	}
}

func TestABrokenFileIsNoFigures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	if err := os.WriteFile(file, []byte(`{"Bun": {`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := load(file); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestAnotherVersionIsMeasuredAgain(t *testing.T) {
	one := runtimes.Availability{Version: "1", Tools: map[string]string{"a": "1", "b": "2"}}
	two := one
	two.Version = "2"
	if key(one) == key(two) {
		t.Errorf("key %q of both", key(one))
	}
}
