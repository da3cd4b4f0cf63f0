package kernel

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/docker"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/diskimage"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
	"github.com/codebeaker/codebeaker/runtimes/native"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// place is where kernels run in tests.
type place struct {
	runtime  runtimes.Runtime
	tools    map[string]string
	language runtimes.Language
	made     int
}

// nativePlace is Native; groups are the control groups, when they are not those of
// the machine.
func nativePlace(t testing.TB, language runtimes.Language, groups ...*cgroup.Hierarchy) *place {
	t.Helper()
	o := boxedtest.Options(t)
	if len(groups) > 0 {
		o.Groups = cgroup.Found(groups[0])
	}
	if err := os.Symlink(sharedCache(t), o.CacheDir()); err != nil {
		t.Fatal(err)
	}
	r := native.New(o)
	a := boxedtest.Available(t, r, language)
	return &place{runtime: r, tools: a.Tools, language: language}
}

func dockerPlace(t testing.TB, language runtimes.Language) *place {
	t.Helper()
	boxedtest.NotShort(t)
	data, err := os.MkdirTemp("", "codebeaker-kernel-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	if err := os.Chmod(data, 0o711); err != nil {
		t.Fatal(err)
	}
	files, mark := filepath.Join(data, "workspaces"), filepath.Base(data)
	workspaces, err := workspace.New(workspace.Options{Dir: files, Mark: mark, Images: diskimage.New(files, mark)})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	r, err := docker.New(docker.Options{
		DataDir: data, Mark: mark, Workspaces: workspaces, Guest: guesttest.Path(t), Logger: logger, Groups: cgroup.NewFinder(logger),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), workspaces.Close()); err != nil {
			t.Error(err)
		}
	})
	a := r.Probe(t.Context())
	runtimetest.Require(t, r.Type(), a)
	if !a.Serves(language) {
		runtimetest.Require(t, r.Type(), runtimes.Availability{Reason: a.WhyNot(language)})
	}
	return &place{runtime: r, tools: a.Tools, language: language}
}

// environment makes one.
func (p *place) environment(t testing.TB, change ...func(*runtimes.Spec)) runtimes.Environment {
	t.Helper()
	p.made++
	spec := boxedtest.Spec("k"+string(rune('a'+p.made)), p.language)
	for _, f := range change {
		f(&spec)
	}
	e := boxedtest.Create(t, p.runtime, spec)
	if err := e.Assign(t.Context(), runtimes.Assignment{Session: spec.Name}); err != nil {
		t.Fatal(err)
	}
	return e
}

// kernel starts one in an environment of its own.
func (p *place) kernel(t testing.TB, change ...func(*runtimes.Spec)) (*Kernel, runtimes.Environment) {
	t.Helper()
	env := p.environment(t, change...)
	return start(t, env, p.engine(t), Options{}), env
}

func (p *place) engine(t testing.TB) Engine {
	t.Helper()
	e, ok := EngineFor(p.runtime.Type(), p.language, p.tools)
	if !ok {
		t.Fatalf("%v has no kernel for %v", p.runtime.Type(), p.language)
	}
	return e
}
