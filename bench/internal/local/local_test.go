package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAServerServesAndLeavesNothing(t *testing.T) {
	rt := fake.New(fake.Options{})
	s, err := Start(t.Context(), Options{Runtimes: []runtimes.Runtime{rt}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(t.Context(), s.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.Close(), s.Close(), rt.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the data directory is left: %v", err)
	}
}

func TestTheFakeRuntimeIsOfferedByItsName(t *testing.T) {
	s, err := Start(t.Context(), Options{Names: []string{"fake"}, CacheDir: filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := client.Dial(t.Context(), s.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Create(t.Context(), protocol.SessionCreate{Language: "python"})
	if err != nil || session.Isolation.Score != 0 {
		t.Fatalf("%+v, %v", session, err)
	}
	r, err := c.Exec(t.Context(), session.SessionID, client.Program("echo", "a", "b"))
	if p, ok := r.Result.(*protocol.ProcessResult); err != nil || !ok || p.Stdout != "a b\n" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAnUnknownRuntimeLeavesNothing(t *testing.T) {
	s, err := Start(t.Context(), Options{Names: []string{"nonsense"}})
	if err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the data directory is left: %v", err)
	}
}

func TestCachesThatAreBeingFilledAreWaitedFor(t *testing.T) {
	dir := t.TempDir()
	partial := filepath.Join(dir, "cache", "partial-1")
	if err := os.MkdirAll(partial, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*cachePoll)
	defer cancel()
	if filling, err := awaitCaches(ctx, dir); !filling || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	time.AfterFunc(cachePoll, func() { os.Remove(partial) })
	if filling, err := awaitCaches(t.Context(), dir); filling || err != nil {
		t.Error(filling, err)
	}
	if _, err := os.Stat(partial); !os.IsNotExist(err) {
		t.Error("it was not waited for")
	}
}

func TestTheAgentIsBuiltWhereTheProjectIs(t *testing.T) {
	t.Setenv("CODEBEAKER_GUEST", "")
	program, err := BuildGuest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(program); err != nil || info.Size() < 1<<20 || !strings.Contains(program, filepath.Join(".cache", "guest")) {
		t.Errorf("%s: %v, %v", program, info, err)
	}
	t.Setenv("CODEBEAKER_GUEST", "/named")
	if named, err := BuildGuest(t.Context()); named != "/named" || err != nil {
		t.Errorf("%s, %v", named, err)
	}
}

func TestElsewhereItSaysHowToGetTheAgent(t *testing.T) {
	t.Setenv("CODEBEAKER_GUEST", "")
	t.Chdir(t.TempDir())
	if _, err := BuildGuest(t.Context()); !errors.Is(err, ErrNoGuest) || !strings.Contains(err.Error(), "make guest") {
		t.Errorf("%v", err)
	}
	if dir := CacheDir(t.Context()); dir != "" {
		t.Errorf("%q", dir)
	}
}

// What a killed run left is the next one's to remove, and nothing of one that
// lives.
func TestWhatAKilledRunLeftIsRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nothing is swept here")
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	of := func(pid int) string { return filepath.Join(temp, fmt.Sprintf("%s%s-%d-1", Data, name, pid)) }
	for _, dir := range []string{of(ended.Process.Pid), of(os.Getpid())} {
		if err := os.MkdirAll(filepath.Join(dir, "workspaces", "n1.X", "files"), 0o711); err != nil {
			t.Fatal(err)
		}
		if _, err := newMark(dir); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Start(t.Context(), Options{Names: []string{"fake"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Stat(of(ended.Process.Pid)); !os.IsNotExist(err) {
		t.Errorf("it is left: %v", err)
	}
	if _, err := os.Stat(of(os.Getpid())); err != nil {
		t.Errorf("that of a living process: %v", err)
	}
	if mark, err := os.ReadFile(filepath.Join(s.dir, markFile)); err != nil || len(mark) != 12 {
		t.Errorf("the next could not sweep this one: mark %q, %v", mark, err)
	}
}
