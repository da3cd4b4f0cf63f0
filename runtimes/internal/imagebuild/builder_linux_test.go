package imagebuild

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dieVariable); dir != "" {
		_ = newBuilder(dir, os.Stderr).Run(context.Background(), "python", "golang")
		return
	}
	goleak.VerifyTestMain(m)
}

// dieVariable has this test binary build images in the directory it names,
// until it is killed.
const dieVariable = "IMAGEBUILD_TEST_DIR"

// script makes an "image" by a file made-NAME. One that is told to wait waits
// for a file go-NAME; broken fails as images.sh does.
const script = `#!/bin/bash
set -e
cd "$(dirname "$0")"
if [ "$1" = --missing ]; then
	shift
	for name; do [ -e "made-$name" ] || echo "$name"; done
	exit
fi
echo "$1" >>order
echo $$ >pid
[ ! -e "wait-$1" ] || until [ -e "go-$1" ]; do sleep 0.02; done
if [ "$1" = broken ]; then
	echo "a line of a log" >&2
	echo 'error: "build codebeaker-broken:latest" failed with status 1; its whole log is /srv/log' >&2
	exit 1
fi
touch "made-$1"
`

func newBuilder(dir string, log *os.File) *Builder {
	b := &Builder{
		Script: filepath.Join(dir, "script"), Dir: filepath.Join(dir, "progress"),
		Image:  func(name string) string { return "codebeaker-" + name + ":latest" },
		Logger: slog.New(slog.DiscardHandler),
	}
	if log != nil {
		b.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	return b
}

// place makes the script in a new directory, with some empty files beside it.
func place(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		touch(t, dir, name)
	}
	return dir
}

func touch(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
	}
}

func order(t *testing.T, dir string) []string {
	t.Helper()
	text, _ := os.ReadFile(filepath.Join(dir, "order"))
	return strings.Fields(string(text))
}

func TestWhatIsMissingIsBuiltInOrderAndToldMeanwhile(t *testing.T) {
	dir := place(t, "made-golang", "wait-nodejs")
	b := newBuilder(dir, nil)
	var log bytes.Buffer
	b.Logger = slog.New(slog.NewTextHandler(&log, nil))
	done := make(chan error, 1)
	go func() { done <- b.Run(t.Context(), "python", "golang", "broken", "nodejs", "dotnet") }()
	const now = "building image 3 of 4: codebeaker-nodejs:latest"
	eventually(t, now, func() bool { p := Read(b.Dir); return p.String() == now })
	p := Read(b.Dir)
	for name, want := range map[string]State{"python": Built, "broken": Failed, "nodejs": Building, "dotnet": Waiting, "golang": ""} {
		if image, _ := p.Of("codebeaker-" + name + ":latest"); image.State != want {
			t.Errorf("%s is %q, not %q", name, image.State, want)
		}
	}
	touch(t, dir, "go-nodejs")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	p = Read(b.Dir)
	broken, _ := p.Of("codebeaker-broken:latest")
	if p.Active || p.String() != "" || broken.State != Failed || broken.Why != `"build codebeaker-broken:latest" failed with status 1` {
		t.Errorf("at the end %+v", p)
	}
	if got := order(t, dir); !slices.Equal(got, []string{"python", "broken", "nodejs", "dotnet"}) {
		t.Errorf("built %v", got)
	}
	if got := log.String(); !strings.Contains(got, `msg="`+now) || strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "a line of a log") {
		t.Errorf("logged %s", got)
	}
	if err := b.Run(t.Context(), "python", "golang"); err != nil {
		t.Fatal(err)
	}
	if p := Read(b.Dir); len(p.Images) != 0 || len(order(t, dir)) != 4 {
		t.Errorf("with nothing missing %+v", p)
	}
}

func TestOneOfTwoServersBuildsAndTheOtherWaits(t *testing.T) {
	dir := place(t, "wait-python")
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if err := newBuilder(dir, nil).Run(t.Context(), "python", "golang"); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "one of them builds", func() bool { return len(order(t, dir)) == 1 })
	time.Sleep(lockTries * lockPoll) // so that the other sees the lock
	touch(t, dir, "go-python")
	all.Wait()
	if got := order(t, dir); !slices.Equal(got, []string{"python", "golang"}) {
		t.Errorf("built %v", got)
	}
}

// running reports whether the script still makes an image.
func running(dir string) bool {
	pid, _ := os.ReadFile(filepath.Join(dir, "pid"))
	line, _ := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "cmdline")) // empty for a zombie
	return len(pid) > 0 && len(line) > 0
}

func TestTheEndOfTheServerEndsTheScriptAndNothingIsCalledBuilding(t *testing.T) {
	dir := place(t, "wait-python")
	b := newBuilder(dir, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, "python", "golang") }()
	eventually(t, "it builds", func() bool { p := Read(b.Dir); return p.String() != "" && running(dir) })
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if running(dir) {
		t.Error("the script runs on")
	}
	if p := Read(b.Dir); p.Active || p.String() != "" {
		t.Errorf("told is %+v", p)
	}
}

// What the killed server was building is built to its end, which is told as
// that; nothing is begun after it.
func TestAKilledServerLeavesNoScriptBehind(t *testing.T) {
	dir := place(t, "wait-python")
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), dieVariable+"="+dir)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	progress := filepath.Join(dir, "progress")
	eventually(t, "it builds", func() bool { p := Read(progress); return p.String() != "" && running(dir) })
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	eventually(t, "the script has ended", func() bool { return !running(dir) })
	eventually(t, "nothing is told to be built", func() bool { p := Read(progress); return !p.Active && p.String() == "" })
	if got := order(t, dir); len(got) != 1 {
		t.Errorf("built %v", got)
	}
}

func TestAScriptThatCannotSayWhatIsMissingIsAnError(t *testing.T) {
	dir := place(t)
	text := "#!/bin/sh\necho 'error: no Docker engine answers' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	err := newBuilder(dir, nil).Run(t.Context(), "python")
	if err == nil || !strings.HasPrefix(err.Error(), "no Docker engine answers: ") {
		t.Error(err)
	}
}

func TestTheReasonOfAFailureIsShort(t *testing.T) {
	for output, want := range map[string]string{
		"x\nerror: only root can make a base image from packages\n       run: sudo /srv/base.sh\nerror: second\n": "only root can make a base image from packages",
		"the last\nline of /srv/all\n\n": "line of …",
		"":                               "it broke",
	} {
		got := why(output, errors.New("it broke"))
		if got != want {
			t.Errorf("%q gives %q", output, got)
		}
		reasontest.Check(t, "The image could not be built ("+got+"): run `make images`.")
	}
}
