package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/host"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func TestMain(m *testing.M) {
	host.RunRelay()
	// The audit log's lumberjack never ends the goroutine that removes old files.
	goleak.VerifyTestMain(closing{m}, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// closing stops the shared server after the tests, before goroutines are looked for.
type closing struct{ *testing.M }

func (c closing) Run() int {
	code := c.M.Run()
	for _, end := range atEnd {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, "a shared server:", err)
			code = max(code, 1)
		}
	}
	return code
}

// atEnd stops the servers that tests share.
var atEnd []func() error

// shared is one server with every runtime of this machine: to find them takes
// five seconds.
var shared struct {
	sync.Mutex
	program *Program
}

// sharedServer is the server that all tests use that need every runtime and
// change nothing of the server. Sessions that the test leaves are closed.
func sharedServer(t testing.TB) *Program {
	t.Helper()
	notShort(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.program == nil {
		dir := tempDir(t)
		p := openServer(t, dir)
		end := run(p)
		shared.program = p
		atEnd = append(atEnd, func() error { return errors.Join(end(), os.RemoveAll(dir)) })
	}
	p := shared.program
	t.Cleanup(func() {
		if err := closeSessions(p); err != nil {
			t.Error(err)
		}
	})
	return p
}

// notShort skips a test in a short run: starting environments takes seconds.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts environments of every runtime of this machine")
	}
}

// closeSessions closes all sessions of a server.
func closeSessions(p *Program) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, p.URL(), client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	var list protocol.SessionPage
	if err := c.Call(ctx, protocol.MethodSessionList, nil, &list); err != nil {
		return err
	}
	for _, s := range list.Sessions {
		err = errors.Join(err, c.Call(ctx, protocol.MethodSessionClose, map[string]any{"sessionId": s.SessionID}, nil))
	}
	return err
}

// startServer runs a whole server of the test's own, without calibration unless
// args say so, and stops it at the end of the test. See sharedServer.
func startServer(t testing.TB, args ...string) *Program {
	t.Helper()
	p := openServer(t, shortTempDir(t), args...)
	serve(t, p)
	return p
}

// shortTempDir is a tempDir that is gone after the test.
func shortTempDir(t testing.TB) string {
	t.Helper()
	dir := tempDir(t)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("something is left in the data directory: %v", err)
		}
	})
	return dir
}

// tempDir is a directory that the uids of sessions may pass through.
func tempDir(t testing.TB) string {
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
	return openConfigured(t, dir, func(*Config) {}, args...)
}

// openConfigured is openServer; edit has the last word.
func openConfigured(t testing.TB, dir string, edit func(*Config), args ...string) *Program {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(append([]string{"--listen", "127.0.0.1:0", "--data-dir", dir, "--calibrate=false", "--pools=off"}, args...)); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(flags)
	if err != nil {
		t.Fatal(err)
	}
	edit(&c)
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
	stop := run(p)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

// run runs the program until stop is called.
func run(p *Program) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, io.Discard) }()
	return func() error {
		cancel()
		return errors.Join(<-done, p.Close())
	}
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
