package guestlink

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// openInV2 starts an agent in a group of version 2. On hosts whose controllers
// are version 1 it has none, and its limits go untested; that programs are born
// in their group, measured and ended by it does not.
func openInV2(t testing.TB) *Link {
	t.Helper()
	notShort(t)
	mount := ""
	for _, dir := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			mount = dir
			break
		}
	}
	if mount == "" || os.Geteuid() != 0 {
		t.Skip("needs root and a mounted hierarchy of version 2")
	}
	g, err := cgroup.At(mount).Create(fmt.Sprintf("codebeaker/test-link-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-")), cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	a := startAgent(t)
	if err := g.Add(a.pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before startAgent's: the agent ends with its stream
		a.conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := g.Remove(ctx); err != nil {
			t.Error(err)
		}
	})
	return openOn(t, a, Options{Hello: hardened, Group: g})
}

func TestWithVersion2ProgramsAreBornInTheirGroup(t *testing.T) {
	l := openInV2(t)
	r, exit := run(t, l, shell(`grep '^0::' /proc/self/cgroup /proc/1/cgroup; grep Seccomp: /proc/self/status; echo $$; exit 3`))
	if exit.Status != runtimes.NonZeroExit || *exit.Code != 3 {
		t.Fatalf("%+v %s", exit, r.text(runtimes.Stderr))
	}
	out := r.text(runtimes.Stdout)
	if !strings.Contains(out, "/run/") || !strings.Contains(out, "/agent\n") || !strings.Contains(out, "Seccomp:\t2") {
		t.Errorf("got %q", out)
	}
	if exit.Usage.CPU == nil || *exit.Usage.CPU <= 0 {
		t.Errorf("usage %+v", exit.Usage)
	}
	if _, exit := run(t, l, runtimes.Command{Name: "/etc/passwd"}); exit.Status != runtimes.CouldNotStart || exit.Message != `"/etc/passwd" may not be executed` {
		t.Errorf("got %+v", exit)
	}
	if r, exit := run(t, l, runtimes.Command{Name: "tty", Terminal: &runtimes.TerminalSize{Columns: 9, Rows: 9}}); exit.Status != runtimes.Completed {
		t.Errorf("a terminal: %+v %q", exit, r.text(runtimes.Terminal))
	}
}

func TestWithVersion2TheWholeTreeEnds(t *testing.T) {
	l := openInV2(t)
	r, p := start(t, l, shell(churn))
	waitFor(t, "the bomb to grow", func() bool {
		found, err := l.groups.run.Pids()
		return err == nil && len(found) > 20
	})
	begun := time.Now()
	p.Stop(runtimes.TimeLimitExceeded)
	if exit := r.wait(t); exit.Status != runtimes.TimeLimitExceeded || time.Since(begun) > 500*time.Millisecond {
		t.Errorf("%+v after %v", exit, time.Since(begun))
	}
	if left, err := l.groups.run.Pids(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
