package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greet is a fake tool: it says hello.
func greet(r *fake.Run) int {
	_, _ = io.WriteString(r.Stdout(), "hello 42\n")
	return 0
}

// faked is a runtime of a type whose tools say hello, or do what the programs
// say.
func faked(t *testing.T, kind runtimes.Type, programs map[string]fake.Program) *fake.Runtime {
	t.Helper()
	all := map[string]fake.Program{"bun": greet, "node": greet, "python3": greet, "go": greet, "echo": func(r *fake.Run) int {
		_, _ = io.WriteString(r.Stdout(), strings.Join(r.Args(), " ")+"\n")
		return 0
	}}
	for name, program := range programs {
		all[name] = program
	}
	rt := fake.New(fake.Options{Type: kind, Dir: t.TempDir(), Programs: all, Languages: []runtimes.Language{runtimes.JavaScript}})
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("an environment is left: %v", err)
		}
	})
	return rt
}

// noFacts spares the tests that ask programs for their versions.
func noFacts(context.Context) result.Facts { return result.Facts{CPUs: 1} }

// outcome is what a run of the program left.
type outcome struct {
	code        int
	out, errors string
}

// bench runs the program on runtimes in process.
func bench(t *testing.T, offered []runtimes.Runtime, args ...string) outcome {
	t.Helper()
	t.Setenv("CODEBEAKER_REQUIRE", "")
	var out, complaints bytes.Buffer
	a := &app{stdout: &out, stderr: &complaints, local: local.Options{Runtimes: offered}, facts: noFacts}
	code := a.run(t.Context(), args)
	return outcome{code, out.String(), complaints.String()}
}

func (o outcome) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("it exits with %d, want %d: %s", o.code, code, o.errors)
	}
	for _, text := range texts {
		if !strings.Contains(o.out+o.errors, text) {
			t.Errorf("there is no %q in:\n%s%s", text, o.out, o.errors)
		}
	}
}

func read(t *testing.T, path string) *result.Run {
	t.Helper()
	r, err := result.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// quickly are the flags of a short run; its budget is for machines that are slow
// or busy.
func quickly(more ...string) []string {
	return append([]string{"-quick", "-count", "3", "-seed", "1", "-budget", "5m",
		"-scenario", "create,close,oneshot,execute,write,read,list,copy,delete,wire,selector"}, more...)
}

func TestARunMeasuresVerifiesAndReportsInEveryFormat(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures for seconds")
	}
	dir := t.TempDir()
	args := quickly()
	for _, end := range []string{"html", "md", "json", "txt"} {
		args = append(args, "-o", filepath.Join(dir, "report."+end))
	}
	o := bench(t, []runtimes.Runtime{faked(t, runtimes.Native, nil), faked(t, runtimes.Bun, nil)}, args...)
	o.want(t, exitGood, "Create an environment, cold", "every operation did its work", "published, not measured here: 562.3 ms")
	for _, end := range []string{"html", "md", "txt"} {
		if info, err := os.Stat(filepath.Join(dir, "report."+end)); err != nil || info.Size() < 2000 {
			t.Errorf("report.%s: %v, %v", end, info, err)
		}
	}
	r := read(t, filepath.Join(dir, "report.json"))
	found := map[string]*result.Series{}
	for _, s := range r.Series {
		found[s.Key()] = s
	}
	for _, key := range []string{"create/Bun", "create/Native", "close/Bun", "oneshot/javascript/Native", "execute/Bun", "execute/bare process",
		"write/1 KB/Bun", "write/1 MB/Native", "read/1 MB/Bun", "list/1 KB/Native", "copy/1 MB/Bun", "delete/1 KB/system calls",
		"wire/initialize/server", "wire/session.get/server", "wire/initialize/bare socket", "selector/Speed/lookup", "selector/Balanced/weigh"} {
		if s := found[key]; s == nil || s.Summary == nil || s.Summary.N != 3 || s.FailureCount() != 0 {
			t.Errorf("%s: %+v", key, s)
		}
	}
	if s := found["execute/Bun"]; s != nil && s.Ratios[result.Bare] == 0 {
		t.Errorf("no ratio: %+v", s)
	}
	if r.Server.Name == "" || !r.Server.InProcess || len(r.Method) == 0 || r.Seed != 1 || r.Host.CPUs == 0 {
		t.Errorf("%+v", r)
	}
}

func TestOnlyWhatWasAskedForIsMeasured(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	o := bench(t, []runtimes.Runtime{faked(t, runtimes.Native, nil), faked(t, runtimes.Bun, nil)},
		"-quick", "-scenario", "execute", "-runtime", "bun", "-count", "3", "-o", path)
	o.want(t, exitGood)
	for _, s := range read(t, path).Series {
		if s.Scenario != "execute" || s.Subject == "Native" {
			t.Errorf("%s was measured", s.Key())
		}
	}
}

func TestAWrongOutputFailsTheRun(t *testing.T) {
	wrong := fake.Program(func(r *fake.Run) int { _, _ = io.WriteString(r.Stdout(), "hullo\n"); return 0 })
	path := filepath.Join(t.TempDir(), "r.json")
	rt := faked(t, runtimes.Native, map[string]fake.Program{"node": wrong})
	o := bench(t, []runtimes.Runtime{rt}, "-quick", "-scenario", "create,wire", "-count", "4", "-budget", "5m", "-o", path)
	o.want(t, exitFailed, `got "hullo\n", want "hello 42\n"`, "with a wrong output")
	if _, n := read(t, path).Failed(); n == 0 {
		t.Error("the report does not count it")
	}
}

// A runtime that dies fails its own rows; the others are measured.
func TestARuntimeThatDiesMidRun(t *testing.T) {
	dying := faked(t, runtimes.Native, nil)
	runs := 0
	failing := faked(t, runtimes.Bun, map[string]fake.Program{"bun": func(r *fake.Run) int {
		if runs++; runs == 3 {
			dying.FailCreates(errors.New("the engine is gone"))
			for _, e := range dying.Environments() {
				e.Kill()
			}
		}
		return greet(r)
	}})
	path := filepath.Join(t.TempDir(), "r.json")
	o := bench(t, []runtimes.Runtime{dying, failing}, "-quick", "-scenario", "create,execute", "-count", "12", "-budget", "5m", "-o", path)
	o.want(t, exitFailed, "operations failed", "given up after 3 failures in a row")
	for _, s := range read(t, path).Series {
		if s.Subject == "Bun" && s.NotBuilt == "" && (s.FailureCount() > 0 || len(s.Samples) != 12) {
			t.Errorf("%s: %+v", s.Key(), s)
		}
		if s.Key() == "create/Native" && s.FailureCount() == 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestARequiredRuntimeThatIsMissingFails(t *testing.T) {
	rt := faked(t, runtimes.Native, nil)
	rt.SetUnavailable("it was taken away")
	var out, complaints bytes.Buffer
	t.Setenv("CODEBEAKER_REQUIRE", "docker,native")
	a := &app{stdout: &out, stderr: &complaints, facts: noFacts,
		local: local.Options{Runtimes: []runtimes.Runtime{rt, faked(t, runtimes.Bun, nil)}}}
	code := a.run(context.Background(), []string{"-quick", "-scenario", "execute", "-count", "2"})
	outcome{code, out.String(), complaints.String()}.want(t, exitFailed, "Native is required and not available: it was taken away")
}

func TestAComparisonFindsARegression(t *testing.T) {
	dir := t.TempDir()
	fast, slow := filepath.Join(dir, "fast.json"), filepath.Join(dir, "slow.json")
	args := []string{"-quick", "-scenario", "create", "-count", "6", "-budget", "5m"}
	bench(t, []runtimes.Runtime{faked(t, runtimes.Bun, nil)}, append(args, "-o", fast)...).want(t, exitGood)
	late := faked(t, runtimes.Bun, map[string]fake.Program{"bun": func(r *fake.Run) int { _ = r.Sleep(300 * time.Millisecond); return greet(r) }})
	bench(t, []runtimes.Runtime{late}, append(args, "-o", slow, "-compare", fast)...).want(t, exitRegression, "regression", "oneshot/javascript/Bun")
	bench(t, nil, "-compare", slow, fast).want(t, exitGood, "faster")
	bench(t, nil, "-compare", fast, "-tolerance", "1e9", slow).want(t, exitGood, "slower")
}

func TestMistakesOfTheCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		"-nonsense":         {"-nonsense"},
		"no scenario \"x\"": {"-scenario", "x"},
		"must end in":       {"-o", "report.pdf"},
		"what is":           {"word"},
		"-count":            {"-count", "-1"},
		"-tolerance":        {"-tolerance", "-1"},
		"is not a peer":     {"-peer", "x"},
		"no program in":     {"-peer", "docker:x", "-language", "cobol"},
		"open or closed":    {"load", "-model", "both"},
		"benchstat":         {"load", "-compare", "x.json"},
		"no such file":      {"load", "-scenario", "none.yaml"},
		"bench load -h":     {"load", "word"},
	} {
		bench(t, nil, args...).want(t, exitUsage, want)
	}
	bench(t, nil, "-compare", "none.json").want(t, exitFailed, "none.json")
	bench(t, nil, "-h").want(t, exitGood, "usage: go run ./bench [flags]")
	bench(t, nil, "load", "-h").want(t, exitGood, "usage: go run ./bench load [flags]")
	bench(t, []runtimes.Runtime{faked(t, runtimes.Bun, nil)}, "-runtime", "deno").want(t, exitFailed, `no runtime "deno"; it has Bun`)
}

func TestAddressesAreCompleted(t *testing.T) {
	for typed, want := range map[string]string{
		"": "", "h:1": "ws://h:1/ws/jsonrpc", "ws://h:1": "ws://h:1/ws/jsonrpc", "wss://h/other": "wss://h/other",
	} {
		if got := address(typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
