package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
