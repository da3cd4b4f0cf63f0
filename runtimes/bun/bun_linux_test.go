package bun

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

func TestMain(m *testing.M) {
	egress.RunRelay()
	goleak.VerifyTestMain(m)
}

func TestBunRunsJavaScriptAndTypeScript(t *testing.T) {
	r := New(boxedtest.Options(t))
	a := boxedtest.Available(t, r, runtimes.JavaScript, runtimes.TypeScript)
	t.Logf("%+v", a)
	if a.Version == "" || a.Version != a.Tools["bun"] {
		t.Errorf("versions: %q, %v", a.Version, a.Tools)
	}
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.JavaScript))
	if got := boxedtest.RunFile(t, e, "hello.js", "console.log('hello')", "bun", "hello.js"); got.Stdout != "hello\n" || got.Stderr != "" {
		t.Errorf("javascript: %+v", got)
	}
	text := "const n: number = 41\nenum E { A = 1 }\nconsole.log(n + E.A, await Promise.resolve('ts'))"
	if got := boxedtest.RunFile(t, e, "hello.ts", text, "bun", "hello.ts"); got.Stdout != "42 ts\n" {
		t.Errorf("typescript: %+v", got)
	}
	if got := boxedtest.RunFile(t, e, "bad.js", "throw new Error('no')", "bun", "bad.js"); got.Status != runtimes.NonZeroExit {
		t.Errorf("an error: %+v", got)
	}
}

func TestBunReachesNeitherTheNetworkNorTheHost(t *testing.T) {
	r := New(boxedtest.Options(t))
	boxedtest.Available(t, r)
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.JavaScript))
	text := `import { readdirSync, readFileSync } from "node:fs";
const tried = (f) => { try { return f() } catch (e) { return e.code } };
console.log(tried(() => readFileSync("/etc/shadow", "utf8")), tried(() => readdirSync("/root")), tried(() => readdirSync("/home")));
console.log(await fetch("http://192.0.2.1/").then(() => "reached", () => "unreachable"));`
	got := boxedtest.RunFile(t, e, "reach.js", text, "bun", "reach.js")
	if got.Stdout != "ENOENT ENOENT [ \"user\" ]\nunreachable\n" {
		t.Errorf("got %+v", got)
	}
}

func TestBunAsAnOrdinaryUser(t *testing.T) {
	boxedtest.AsOrdinaryUser(t, "^TestBun(Runs|Reaches|Conforms)")
}

func TestTheReasonSaysHowToGetBun(t *testing.T) {
	options := boxedtest.Options(t)
	options.ToolsDir = t.TempDir()
	t.Setenv("PATH", "/nonexistent")
	r := New(options)
	defer r.Close()
	a := r.Probe(t.Context())
	reasontest.Unavailable(t, a)
	if !strings.HasPrefix(a.Reason, "bun is not on the server's PATH: `make tools` or `npm install -g bun` installs it") {
		t.Errorf("the reason is %q", a.Reason)
	}
}

func TestABunThatDoesNotRunIsToldByItsLastWords(t *testing.T) {
	options := boxedtest.Options(t)
	options.ToolsDir = t.TempDir()
	t.Setenv("PATH", "/nonexistent")
	text := "#!/bin/sh\necho at once >&2\necho 'no AVX2 here' >&2\nexit 132\n"
	if err := os.WriteFile(filepath.Join(options.ToolsDir, "bun"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	r := New(options)
	defer r.Close()
	a := r.Probe(t.Context())
	reasontest.Unavailable(t, a)
	if !strings.Contains(a.Reason, `cannot be used: it ended with exit code 132 and said "no AVX2 here"; `) {
		t.Errorf("the reason is %q", a.Reason)
	}
}

func TestBunConforms(t *testing.T) { boxedtest.Conformance(t, New) }

func TestBunReachesTheInternetWhenAsked(t *testing.T) {
	boxedtest.Network(t, func(o Options) runtimes.Runtime { return New(o) }, boxedtest.Fetcher{
		Language: runtimes.JavaScript, File: "fetch.js", Run: []string{"bun", "fetch.js"},
		Text: `for (const url of process.argv.slice(2))
  console.log(await fetch(url).then((r) => r.text(), () => "refused"))`,
	})
}

func BenchmarkCreate(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(boxedtest.Options(b)), runtimes.JavaScript,
		"hello.js", "console.log('hello')", "bun", "hello.js")
}
