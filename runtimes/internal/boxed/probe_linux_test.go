package boxed_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

// probeLog probes twice through a registry and returns what is offered and the
// whole log, that of the runtime too.
func probeLog(t *testing.T, options boxed.Options, flavor boxed.Flavor) (runtimes.Availability, string) {
	t.Helper()
	var log bytes.Buffer
	options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := boxed.New(options, flavor)
	defer r.Close()
	registry := runtimes.NewRegistry(r)
	registry.LogTo(options.Logger)
	registry.Probe(t.Context())
	registry.Probe(t.Context())
	return registry.Offer(flavor.Type).Availability, log.String()
}

func wantOneWarning(t *testing.T, log string, parts ...string) {
	t.Helper()
	if strings.Count(log, "level=WARN") != 1 || strings.Count(log, "\n") != 1 {
		t.Errorf("not one line: %s", log)
	}
	for _, part := range parts {
		if !strings.Contains(log, part) {
			t.Errorf("%q is not in the log: %s", part, log)
		}
	}
}

// The defect: "the box could not be made; the server's log says why", and the
// log did not.
func TestABoxThatLacksALayerIsToldWithTheLayerAndLoggedOnce(t *testing.T) {
	boxedtest.Available(t, newShell(t))
	boxed.Require(t, runtimes.GVisor) // which no box has
	a, log := probeLog(t, boxedtest.Options(t), shellFlavor())
	reasontest.Unavailable(t, a)
	if !strings.Contains(a.Reason, "gvisor") {
		t.Errorf("the reason is %q", a.Reason)
	}
	wantOneWarning(t, log, "runtime=Native", `step="read limits"`, "the box lacks gvisor; it has [")
}

func TestACreateWhoseBoxLacksALayerSaysStepReasonAndCause(t *testing.T) {
	r := newShell(t)
	boxedtest.Available(t, newShell(t))
	boxed.Require(t, runtimes.GVisor)
	_, err := r.Create(t.Context(), spec())
	var failed *runtimes.EnvironmentError
	if !errors.As(err, &failed) || failed.Step != "read limits" || !strings.Contains(failed.Err.Error(), "the box lacks gvisor") {
		t.Fatalf("got %+v", err)
	}
	reasontest.Check(t, failed.Reason)
}

func TestAToolThatFailsItsCheckIsToldByItsExitAndLastWords(t *testing.T) {
	boxedtest.Available(t, newShell(t))
	flavor := shellFlavor()
	for name, c := range map[string]struct{ text, want string }{
		"an exit code":       {"echo first >&2; printf 'no \\033[1mlib\\t here\\033[0m\\n\\n' >&2; exit 5", `it ended with exit code 5 and said "no lib here"`},
		"a signal":           {"kill -SEGV $$", "it was killed by SIGSEGV"},
		"the wrong words":    {"echo no", "without saying what it was to say"},
		"very long words":    {"head -c 3000 /dev/zero | tr '\\0' x >&2; exit 1", "xxx"},
		"control characters": {"printf '\\001\\002\\377' >&2; exit 1", "it ended with exit code 1"},
	} {
		find := flavor.Find
		broken := flavor
		broken.Find = func(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
			kit, err := find(ctx, host)
			kit.Languages[0].Check.Text = c.text + "\n"
			return kit, err
		}
		a, log := probeLog(t, boxedtest.Options(t), broken)
		reasontest.Unavailable(t, a)
		if !strings.HasPrefix(a.Reason, "sh cannot be used: in a box ") || !strings.Contains(a.Reason, c.want) {
			t.Errorf("%s: %q", name, a.Reason)
		}
		wantOneWarning(t, log, `step="run a program in the box"`, "sh ok.sh")
	}
}

func TestAToolThatIsNotInTheBoxIsToldSo(t *testing.T) {
	boxedtest.Available(t, newShell(t))
	flavor := shellFlavor()
	find := flavor.Find
	flavor.Find = func(ctx context.Context, host *boxed.Host) (boxed.Kit, error) {
		kit, err := find(ctx, host)
		kit.Languages[0].Check.Run = []string{"no-such-tool", "ok.sh"}
		return kit, err
	}
	a, log := probeLog(t, boxedtest.Options(t), flavor)
	reasontest.Unavailable(t, a)
	if !strings.HasPrefix(a.Reason, "no-such-tool cannot be used: in a box it could not be started: ") {
		t.Errorf("the reason is %q", a.Reason)
	}
	wantOneWarning(t, log, "CouldNotStart")
}

func TestAnAgentThatEndsAtOnceIsLoggedWithItsLastWords(t *testing.T) {
	boxedtest.Available(t, newShell(t))
	options := boxedtest.Options(t)
	other, err := exec.LookPath("mkdir") // which complains that it was told nothing
	if err == nil {
		other, err = filepath.EvalSymlinks(other)
	}
	if err != nil {
		t.Fatal(err)
	}
	options.Guest = other
	a, log := probeLog(t, options, shellFlavor())
	reasontest.Unavailable(t, a)
	if !strings.HasPrefix(a.Reason, "the guest agent ") {
		t.Errorf("the reason is %q", a.Reason)
	}
	wantOneWarning(t, log, `step="wait for guest"`, "the guest said: ")
}

func TestAnAgentThatIsNotThereIsToldAndLogged(t *testing.T) {
	options := boxedtest.Options(t)
	options.Guest = filepath.Join(t.TempDir(), "none")
	a, log := probeLog(t, options, shellFlavor())
	reasontest.Unavailable(t, a)
	if !strings.Contains(a.Reason, "make build") || strings.Contains(a.Reason, options.Guest) {
		t.Errorf("the reason is %q", a.Reason)
	}
	wantOneWarning(t, log, `step="find guest"`, options.Guest)
}

func TestADataDirectoryThatIsGoneIsTold(t *testing.T) {
	boxedtest.Available(t, newShell(t))
	options := boxedtest.Options(t)
	workspaces := filepath.Join(options.DataDir, "workspaces")
	if err := os.Rename(workspaces, workspaces+".away"); err != nil {
		t.Fatal(err)
	}
	defer os.Rename(workspaces+".away", workspaces)
	a, log := probeLog(t, options, shellFlavor())
	reasontest.Unavailable(t, a)
	if !strings.Contains(a.Reason, "data directory") || strings.Contains(a.Reason, options.DataDir) {
		t.Errorf("the reason is %q", a.Reason)
	}
	wantOneWarning(t, log, `step="make workspace"`, options.DataDir)
}
