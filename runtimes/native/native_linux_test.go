package native

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress/egresstest"
)

// cacheVariable names a cache directory that all tests share, those of the
// server too: to fill it takes a minute of CPU time.
const cacheVariable = "NATIVE_TEST_CACHE"

func TestMain(m *testing.M) {
	egress.RunRelay()
	sessionNice = "0" // what is compiled in the background is waited for
	if os.Getenv(cacheVariable) == "" {
		dir, err := filepath.Abs("../../.cache/warm")
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err != nil {
			panic(err)
		}
		os.Setenv(cacheVariable, dir)
	}
	goleak.VerifyTestMain(m)
}

// options are those of a server of its own with the shared cache.
func options(t testing.TB) Options {
	t.Helper()
	o := boxedtest.Options(t)
	if err := os.Symlink(os.Getenv(cacheVariable), o.CacheDir()); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestNativeRunsPython(t *testing.T) {
	r := New(options(t))
	a := boxedtest.Available(t, r, runtimes.Python)
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.Python))
	text := "import sys, json, ssl, sqlite3, ctypes, zoneinfo\nprint(sys.version.split()[0], zoneinfo.ZoneInfo('Europe/Berlin'), 'ä')"
	got := boxedtest.RunFile(t, e, "hello.py", text, "python3", "hello.py")
	if got.Stdout != a.Tools["python3"]+" Europe/Berlin ä\n" {
		t.Errorf("got %+v", got)
	}
}

func TestNativeRunsNode(t *testing.T) {
	r := New(options(t))
	a := boxedtest.Available(t, r, runtimes.JavaScript)
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.JavaScript))
	text := "const crypto = require('crypto'); console.log(process.versions.node, crypto.createHash('md5').update('').digest('hex'))"
	got := boxedtest.RunFile(t, e, "hello.js", text, "node", "hello.js")
	if got.Stdout != a.Tools["node"]+" d41d8cd98f00b204e9800998ecf8427e\n" {
		t.Errorf("got %+v", got)
	}
}

func TestNativeServesTypeScriptOnlyWhereNodeDoes(t *testing.T) {
	r := New(options(t))
	a := boxedtest.Available(t, r, runtimes.JavaScript)
	if !a.Serves(runtimes.TypeScript) {
		if _, err := r.Create(t.Context(), boxedtest.Spec("s1", runtimes.TypeScript)); err == nil {
			t.Error("an environment is made for a language that is not served")
		}
		return
	}
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.TypeScript))
	if got := boxedtest.RunFile(t, e, "a.ts", "const n: number = 1; console.log(n)", "node", "a.ts"); got.Stdout != "1\n" {
		t.Errorf("got %+v", got)
	}
}

const helloGo = `package main

import (
	"fmt"
	"net/http"
)

func main() { fmt.Println("hello", http.StatusTeapot) }
`

func TestNativeGoStartsWarm(t *testing.T) {
	r := New(options(t))
	boxedtest.Available(t, r, runtimes.Go)
	waitForWarmGo(t)
	spec := boxedtest.Spec("s1", runtimes.Go)
	begin := time.Now()
	e := boxedtest.Create(t, r, spec)
	t.Log("create:", time.Since(begin))
	for i, most := range []time.Duration{4 * time.Second, 2 * time.Second} {
		begin := time.Now()
		got := boxedtest.RunFile(t, e, "hello.go", helloGo, "go", "run", "hello.go")
		took := time.Since(begin)
		if got.Stdout != "hello 418\n" || took > most {
			t.Errorf("run %d took %v: %+v", i, took, got)
		}
		t.Log("go run:", took)
	}
	got := boxedtest.Shell(t, e, "cd ~/.cache/go-build && find . -type l | wc -l; rm -f ./*/*-a; ls -d /opt/codebeaker/warm/*; rm /opt/codebeaker/warm/*/*/* 2>/dev/null || echo refused; du -s /home/user")
	if !strings.Contains(got.Stdout, "refused") {
		t.Errorf("the shared cache can be changed: %+v", got)
	}
	second := boxedtest.Create(t, r, boxedtest.Spec("s2", runtimes.Go))
	if got := boxedtest.RunFile(t, second, "hello.go", helloGo, "go", "run", "hello.go"); got.Stdout != "hello 418\n" {
		t.Errorf("another session after that: %+v", got)
	}
}

func TestNativeRunsGoOffline(t *testing.T) {
	r := New(options(t))
	boxedtest.Available(t, r, runtimes.Go)
	waitForWarmGo(t)
	e := boxedtest.Create(t, r, boxedtest.Spec("s1", runtimes.Go))
	if got := boxedtest.RunFile(t, e, "hello.go", helloGo, "go", "run", "hello.go"); got.Stdout != "hello 418\n" {
		t.Errorf("a single file: %+v", got)
	}
	if got := boxedtest.RunFile(t, e, "go.mod", "module x\n\ngo 1.20\n", "go", "vet", "."); got.Status != runtimes.Completed {
		t.Errorf("a module: %+v", got)
	}
	got := boxedtest.Shell(t, e, "go env GOPROXY GOTOOLCHAIN GOFLAGS; go get code.example/x")
	if got.Stdout != "off\nlocal\n\n" || got.Status != runtimes.NonZeroExit {
		t.Errorf("got %+v", got)
	}
}

// waitForWarmGo waits for the cache of this version of Go, which a probe has
// begun to fill.
func waitForWarmGo(t testing.TB) {
	t.Helper()
	var kit boxed.Kit
	kit.Tools = make(map[string]string)
	o := options(t)
	if p := addGo(t.Context(), &boxed.Host{Options: &o}, &kit); p != nil {
		t.Fatal(p)
	}
	warm := kit.Languages[0].Warm.Dir
	for deadline := time.Now().Add(15 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		_, err := os.Stat(warm)
		if errors.Is(err, os.ErrPermission) {
			t.Log("this user may not see the shared cache: Go starts cold")
		}
		if err == nil || errors.Is(err, os.ErrPermission) {
			return
		}
	}
	t.Fatal("the cache is not filled after fifteen minutes")
}

func TestNativeAsAnOrdinaryUser(t *testing.T) {
	boxedtest.AsOrdinaryUser(t, "^TestNative(RunsPython|RunsNode|RunsGo|Conforms)")
}

func TestNativeConforms(t *testing.T) {
	r := New(options(t))
	if a := boxedtest.Available(t, r); a.Serves(runtimes.Go) {
		waitForWarmGo(t)
	}
	boxedtest.ConformanceOnEach(t, func(o Options) runtimes.Runtime {
		if err := os.Symlink(os.Getenv(cacheVariable), o.CacheDir()); err != nil {
			t.Fatal(err)
		}
		return New(o)
	})
}

// fetchPython is a boxedtest.Fetcher's text.
const fetchPython = `import sys, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=10).read().decode())
    except OSError:
        print("refused")
`

func TestNativeReachesTheInternetWhenAsked(t *testing.T) {
	boxedtest.Network(t, func(o Options) runtimes.Runtime { return New(o) }, boxedtest.Fetcher{
		Language: runtimes.Python, File: "fetch.py", Text: fetchPython, Run: []string{"python3", "fetch.py"},
	})
}

func TestNativeReachesTheInternetAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		egresstest.Use(t)
		egresstest.OpenDevice(t)
	}
	boxedtest.AsOrdinaryUser(t, "^TestNativeReachesTheInternetWhenAsked$")
}
