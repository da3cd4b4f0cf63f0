package docker

import (
	"context"
	"debug/elf"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

func TestMain(m *testing.M) {
	egress.RunRelay()
	goleak.VerifyTestMain(m)
}

// quick are deadlines that a test can wait for.
var quick = deadlines{
	ping: 300 * time.Millisecond, read: 500 * time.Millisecond,
	create: 2 * time.Second, remove: 500 * time.Millisecond,
}

// newFakeRuntime makes a runtime for the daemon whose agents are fakes.
func newFakeRuntime(t *testing.T, d *daemon, change func(*Options)) *Runtime {
	t.Helper()
	data := t.TempDir()
	guest := filepath.Join(data, "guest")
	if err := os.WriteFile(guest, agentFor(elf.EM_X86_64), 0o755); err != nil {
		t.Fatal(err)
	}
	workspaces, err := workspace.New(workspace.Options{Dir: filepath.Join(data, "workspaces"), Mark: "test"})
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		DataDir: data, Mark: "mark-1", Host: d.host(), Workspaces: workspaces, Guest: guest,
		Logger: slog.New(slog.DiscardHandler), deadlines: quick,
	}
	if change != nil {
		change(&options)
	}
	r, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	r.handshake = func(_ context.Context, g handshake) (agentFacts, error) {
		return agentFacts{link: &fakeLink{conn: g.conn, lost: make(chan struct{})}}, nil
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), workspaces.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// fakeLink is a link that is lost only when told so, however dead its container.
type fakeLink struct {
	conn interface{ Close() error }
	once sync.Once
	lost chan struct{}
}

func (l *fakeLink) Start(context.Context, runtimes.Command, runtimes.Sink) (runtimes.Process, error) {
	return nil, errors.New("the fake agent starts nothing")
}
func (l *fakeLink) Lost() <-chan struct{} { return l.lost }

func (l *fakeLink) SetEnv([]string) error                       { return nil }
func (l *fakeLink) SetProgramLimits(int64, int64)               {}
func (l *fakeLink) SetCPUs(float64)                             {}
func (l *fakeLink) SetOutputLimit(int64)                        {}
func (l *fakeLink) Reserve(*os.File, int64, int64, int64) error { return errors.ErrUnsupported }
func (l *fakeLink) SetLimits(cgroup.Limits, int64) error        { return nil }
func (l *fakeLink) Limits() (cgroup.Limits, error)              { return cgroup.Limits{}, nil }
func (l *fakeLink) Err() error                                  { return nil }
func (l *fakeLink) Close() error {
	l.once.Do(func() { close(l.lost); l.conn.Close() })
	return nil
}

// eventually waits for something that another goroutine brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about: %s", what)
		}
	}
}
