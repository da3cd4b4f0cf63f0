package deno

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

func TestDenoRunsTypeScriptAndJavaScript(t *testing.T) {
	r := New(boxedtest.Options(t))
	a := boxedtest.Available(t, r, runtimes.JavaScript, runtimes.TypeScript)
	t.Logf("%+v", a)
	if !strings.Contains(a.Version, ".") || a.Version != a.Tools["deno"] {
		t.Errorf("versions: %q, %v", a.Version, a.Tools)
	}
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.TypeScript))
	text := "const n: number = 41\nenum E { A = 1 }\nconsole.log(n + E.A, await Promise.resolve('ts'))"
	if got := boxedtest.RunFile(t, e, "hello.ts", text, "deno", "run", "hello.ts"); got.Stdout != "42 ts\n" || got.Stderr != "" {
		t.Errorf("typescript: %+v", got)
	}
	if got := boxedtest.RunFile(t, e, "hello.js", "console.log('hello')", "deno", "run", "hello.js"); got.Stdout != "hello\n" {
		t.Errorf("javascript: %+v", got)
	}
	if got := boxedtest.RunFile(t, e, "write.ts", "Deno.writeTextFileSync('out', 'x')", "deno", "run", "-A", "write.ts"); got.Status != runtimes.Completed {
		t.Errorf("a program with all of deno's permissions: %+v", got)
	}
}

func TestDenoShowsNothingOfTheHostByAnImport(t *testing.T) {
	r := New(boxedtest.Options(t))
	boxedtest.Available(t, r)
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.TypeScript))
	for _, file := range []string{"/etc/shadow", "/etc/hostname", "/root/.bashrc"} {
		got := boxedtest.RunFile(t, e, "x.ts", `import x from "file://`+file+`" with { type: "text" }; console.log("read", x)`, "deno", "run", "-A", "x.ts")
		if file == "/etc/hostname" {
			if got.Stdout != "read session-s1\n\n" {
				t.Errorf("the box's own %s: %+v", file, got)
			}
		} else if got.Status != runtimes.NonZeroExit || got.Stdout != "" {
			t.Errorf("%s: %+v", file, got)
		}
	}
	for _, module := range []string{"npm:left-pad", "jsr:@std/assert", "https://modules.example/a.ts"} {
		got := boxedtest.RunFile(t, e, "y.ts", `import "`+module+`"`, "deno", "run", "-A", "y.ts")
		if got.Status != runtimes.NonZeroExit {
			t.Errorf("%s: %+v", module, got)
		}
	}
}

func TestDenoStartsWithAWarmCacheThatIsItsOwn(t *testing.T) {
	options := boxedtest.Options(t)
	r := New(options)
	boxedtest.Available(t, r)
	waitForWarm(t, options.CacheDir(), "deno-")
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.TypeScript))
	got := boxedtest.Shell(t, e, "ls $DENO_DIR && : > $DENO_DIR/dep_analysis_cache_v2 && ls -d /opt/codebeaker/warm/deno-*; rm /opt/codebeaker/warm/*/* 2>/dev/null || echo refused")
	if !strings.Contains(got.Stdout, "dep_analysis_cache") || !strings.HasSuffix(got.Stdout, "refused\n") {
		t.Errorf("got %+v", got)
	}
}

// waitForWarm waits until a cache of that name has been filled.
func waitForWarm(t *testing.T, dir, prefix string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(dir, prefix+"*")); len(found) > 0 {
			return
		}
	}
	t.Fatal("the cache is not filled after a minute")
}

func TestDenoAsAnOrdinaryUser(t *testing.T) {
	boxedtest.AsOrdinaryUser(t, "^TestDeno(Runs|Shows|Starts|Conforms)")
}

func TestTheReasonSaysHowToGetDeno(t *testing.T) {
	options := boxedtest.Options(t)
	options.ToolsDir = t.TempDir()
	t.Setenv("PATH", "/nonexistent")
	r := New(options)
	defer r.Close()
	a := r.Probe(t.Context())
	reasontest.Unavailable(t, a)
	if !strings.HasPrefix(a.Reason, "deno is not on the server's PATH: `make tools` or `npm install -g deno` installs it") {
		t.Errorf("the reason is %q", a.Reason)
	}
}

func TestADenoThatDoesNotRunIsToldByItsLastWords(t *testing.T) {
	options := boxedtest.Options(t)
	options.ToolsDir = t.TempDir()
	t.Setenv("PATH", "/nonexistent")
	text := "#!/bin/sh\necho at once >&2\necho 'no AVX2 here' >&2\nexit 132\n"
	if err := os.WriteFile(filepath.Join(options.ToolsDir, "deno"), []byte(text), 0o755); err != nil {
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

func TestDenoConforms(t *testing.T) { boxedtest.Conformance(t, New) }

func TestDenoReachesTheInternetWhenAsked(t *testing.T) {
	boxedtest.Network(t, func(o Options) runtimes.Runtime { return New(o) }, boxedtest.Fetcher{
		Language: runtimes.TypeScript, File: "fetch.ts", Run: []string{"deno", "run", "--allow-net", "fetch.ts"},
		Text: `for (const url of Deno.args)
  console.log(await fetch(url).then((r) => r.text(), () => "refused"))`,
	})
}

func BenchmarkCreate(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(boxedtest.Options(b)), runtimes.TypeScript,
		"hello.ts", "console.log('hello' as string)", "deno", "run", "hello.ts")
}
