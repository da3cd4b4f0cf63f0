package boxed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestAToolThatIsInstalledLaterIsNoticed(t *testing.T) {
	dir := realTempDir(t)
	t.Setenv("PATH", dir)
	missing := &runtimes.Problem{Step: "find tools", Reason: "no tool", Err: errors.New("none")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{DataDir: t.TempDir(), Guest: self}, Flavor{
		Programs: []string{"tool"},
		Find:     func(context.Context, *Host) (Kit, error) { return Kit{}, missing },
	})
	defer r.Close()
	if a := r.Probe(t.Context()); a.Available || a.Reason != missing.Reason {
		t.Errorf("got %+v", a)
	}
	if r.Changed(t.Context()) {
		t.Error("changed without a change")
	}
	path := script(t, dir, "tool", "echo 1")
	if !r.Changed(t.Context()) {
		t.Error("a new tool is not noticed")
	}
	r.Probe(t.Context())
	if r.Changed(t.Context()) {
		t.Error("changed without a change")
	}
	if err := os.Rename(path, filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if !r.Changed(t.Context()) {
		t.Error("the removal is not noticed")
	}
}

func TestAnIncompleteProbeIsRepeatedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p lastProbe
		if !p.outdated("same") {
			t.Error("nothing was probed, and that is fine")
		}
		p.set("same", retryInterval)
		if p.outdated("same") {
			t.Error("repeated at once")
		}
		time.Sleep(retryInterval)
		if !p.outdated("same") {
			t.Error("not repeated")
		}
		p.set("same", 0)
		time.Sleep(time.Hour)
		if p.outdated("same") {
			t.Error("a complete probe is repeated")
		}
	})
}
