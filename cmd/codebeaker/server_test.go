package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/host"
)

func TestMain(m *testing.M) {
	host.RunRelay()
	goleak.VerifyTestMain(m)
}

// startServer runs a whole server, without calibration unless args say so, and
// stops it at the end of the test.
func startServer(t testing.TB, args ...string) *Program {
	t.Helper()
	p := openServer(t, shortTempDir(t), args...)
	serve(t, p)
	return p
}

// shortTempDir is a directory that the uids of sessions may pass through.
func shortTempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "codebeaker-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sharedCache(t), filepath.Join(dir, "cache")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("something is left in the data directory: %v", err)
		}
	})
	return dir
}

// sharedCache is a directory of the checkout for what servers prepare once for
// all sessions, so that not each test's server compiles Go's standard library.
func sharedCache(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../.cache/warm")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// waitForWarmGo waits until the compiled standard library is there: without it
// the first `go run` of a session takes a minute on a slow machine.
func waitForWarmGo(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(sharedCache(t), "go*")); len(found) > 0 {
			return
		}
	}
	t.Fatal("the cache of the Go toolchain is not filled after five minutes")
}

func openServer(t testing.TB, dir string, args ...string) *Program {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(append([]string{"--listen", "127.0.0.1:0", "--data-dir", dir, "--calibrate=false"}, args...)); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(flags)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	p, err := newProgram(context.Background(), c, log)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// serve runs the program until the end of the test.
func serve(t testing.TB, p *Program) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, io.Discard) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// need skips the test when the server lacks the runtime, or fails it when
// CODEBEAKER_REQUIRE lists it.
func need(t testing.TB, p *Program, kind runtimes.Type) {
	t.Helper()
	if a := p.registry.Offer(kind).Availability; !a.Available {
		if required(kind.String()) {
			t.Fatalf("%v is not available: %s", kind, a.Reason)
		}
		t.Skipf("%v is not available: %s", kind, a.Reason)
	}
}

// needLanguage is need for a language of a runtime.
func needLanguage(t testing.TB, p *Program, kind runtimes.Type, language string) {
	t.Helper()
	need(t, p, kind)
	l, ok := runtimes.ParseLanguage(language)
	if a := p.registry.Offer(kind).Availability; !ok || !a.Serves(l) {
		if required(kind.String()) && kind != runtimes.Native { // Native has what the host has
			t.Fatalf("%v does not serve %s here", kind, language)
		}
		t.Skipf("%v does not serve %s here (%s)", kind, language, strings.TrimSpace(a.Reason))
	}
	if kind == runtimes.Native && l == runtimes.Go {
		waitForWarmGo(t)
	}
}
