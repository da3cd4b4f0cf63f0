package host

import (
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
)

// perl is a language that exists in this test only: one entry, served by the
// host's perl and by that of an image.
var perl = sync.OnceValues(func() (runtimes.Language, error) {
	return runtimes.AddLanguage(runtimes.LanguageFacts{
		Name: "perl", Aliases: []string{"pl"}, Suffixes: []string{".pl", ".pm"},
		Runtimes: []runtimes.Type{runtimes.Native, runtimes.Docker},
		Tools: []runtimes.Tool{{
			Name: "perl", Args: []string{"-e", "print $^V"}, Prefix: "v", Get: "`apt-get install perl` installs it",
		}},
		Image: "codebeaker-python:latest",
		Run:   []string{"perl", runtimes.File},
		Hello: "print 'hello ', 20 + 22, \"\\n\";\n",
		Env:   []string{"PERL_BADLANG=0", "TERM=dumb"},
	})
})

// opened is a host with those runtimes, probed.
func opened(t *testing.T, names ...string) *runtimes.Registry {
	t.Helper()
	dir, err := os.MkdirTemp("", "codebeaker-host-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	h, err := Open(Options{
		Names: names, DataDir: dir, Mark: "added", Guest: guesttest.Path(t), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	registry := runtimes.NewRegistry(h.Runtimes...)
	registry.Probe(t.Context())
	return registry
}

// output runs a program in a new environment, in whose workspace a file is, and
// returns what it wrote.
func output(t *testing.T, rt runtimes.Runtime, spec runtimes.Spec, file, text string, line ...string) string {
	t.Helper()
	spec.Name = "added"
	spec.Limits = runtimes.Limits{MemoryBytes: 256 << 20, CPUs: 1, Processes: 64, DiskBytes: 16 << 20, OpenFiles: 256, OutputBytes: 1 << 20}
	env, err := rt.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := env.Close(t.Context()); err != nil {
			t.Error(err)
		}
		env.Workspace().Close()
	}()
	if err := env.Assign(t.Context(), runtimes.Assignment{Session: "added", Env: []string{"TERM=mine"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: file, Content: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	sink := &written{exited: make(chan runtimes.Exit, 1)}
	if _, err := env.Start(t.Context(), runtimes.Command{Name: line[0], Args: line[1:]}, sink); err != nil {
		t.Fatal(err)
	}
	if exit := <-sink.exited; exit.Status != runtimes.Completed {
		t.Errorf("%v ended %+v", line, exit)
	}
	return sink.text.String()
}

// written is a sink that keeps all.
type written struct {
	text   strings.Builder
	exited chan runtimes.Exit
}

func (w *written) Started()                           {}
func (w *written) Output(_ runtimes.Stream, p []byte) { w.text.Write(p) }
func (w *written) InputReady()                        {}
func (w *written) Exited(exit runtimes.Exit)          { w.exited <- exit }

func TestALanguageIsAddedByOneEntry(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes boxes and containers")
	}
	language, err := perl()
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := runtimes.ParseLanguage("PL"); !ok || l != language {
		t.Errorf("its alias is read as %v", l)
	}
	if l, ok := runtimes.LanguageOfSuffix(".pm"); !ok || l != language {
		t.Errorf("its suffix is that of %v", l)
	}
	registry := opened(t, "native", "docker")
	for _, kind := range language.Runtimes() {
		t.Run(kind.String(), func(t *testing.T) {
			offer := registry.Offer(kind)
			if !offer.Availability.Serves(language) {
				t.Skipf("%v does not serve perl here: %s", kind, offer.Availability.WhyNot(language))
			}
			if offer.Availability.Tools["perl"] == "" || strings.HasPrefix(offer.Availability.Tools["perl"], "v") {
				t.Errorf("the tools are %v", offer.Availability.Tools)
			}
			file, spec := language.HelloFile(), runtimes.Spec{Language: language}
			if got := output(t, offer.Runtime, spec, file, language.Facts().Hello, language.RunLine(kind, file)...); got != runtimes.HelloOutput {
				t.Errorf("its hello wrote %q", got)
			}
			if got := output(t, offer.Runtime, spec, "x", "", "sh", "-c", "echo $PERL_BADLANG $TERM"); got != "0 mine\n" {
				t.Errorf("its variables are %q", got)
			}
		})
	}
	if registry.Select(language, runtimes.Speed) == nil {
		t.Skip("no runtime of this machine has perl")
	}
}

// parrot is a kind of runtime that exists in this test only, as the package of
// a runtime's folder would declare it.
var parrot = runtimes.AddRuntime(runtimes.RuntimeFacts{
	Name: "Parrot", Declared: runtimes.Figures{Startup: 1, Memory: 1 << 20}, Serves: []string{"python"},
})

func TestARuntimeIsAddedByOneEntry(t *testing.T) {
	before := table
	t.Cleanup(func() { table = before })
	table = append(table[:len(table):len(table)], entry{parrot, func(o Options, _ *Host) (runtimes.Runtime, error) {
		return fake.New(fake.Options{Type: parrot, Dir: o.DataDir, Programs: map[string]fake.Program{"echo": echo}}), nil
	}})
	if kind, ok := runtimes.ParseType("parrot"); !ok || kind != parrot || runtimes.DeclaredFigures(kind).Memory != 1<<20 {
		t.Errorf("its name is read as %v", kind)
	}
	registry := opened(t, "parrot")
	rt := registry.Select(runtimes.Python, runtimes.Speed)
	if rt == nil || rt.Type() != parrot || registry.Select(runtimes.CSharp, runtimes.Speed) != nil {
		t.Fatalf("python is served by %v", rt)
	}
	if got := output(t, rt, runtimes.Spec{Language: runtimes.Python}, "x", "", "echo", "a", "b"); got != "a b\n" {
		t.Errorf("it wrote %q", got)
	}
	for _, kind := range []runtimes.Type{runtimes.Native, runtimes.Docker} {
		if registry.Offer(kind).Runtime != nil {
			t.Errorf("%v is offered too", kind)
		}
	}
}
