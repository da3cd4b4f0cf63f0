package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// pooled is a server whose pools are full.
type pooled struct {
	*testing.T
	*client.Client
	program *Program
}

// poolSizes are of the kinds that the tests of pools use.
var poolSizes = poolSetting{Languages: map[string]languagePool{
	"python": {Min: of(2), Max: of(4)}, "javascript": {Min: of(2), Max: of(4)}, "typescript": {Min: of(0), Max: of(4)},
}}

func of[T any](v T) *T { return &v }

// withPools starts a server, which ends with the test: its boxes are others' strays.
func withPools(t *testing.T) *pooled {
	t.Helper()
	notShort(t)
	dir := tempDir(t)
	p := openConfigured(t, dir, func(c *Config) {
		c.Pools, c.poolCheck, c.Runtimes = poolSizes, 500*time.Millisecond, []string{"native", "bun", "docker"}
	})
	stop := run(p)
	t.Cleanup(func() {
		if err := errors.Join(stop(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	c, err := client.Dial(t.Context(), p.URL(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	w := &pooled{t, c, p}
	w.full()
	return w
}

// pools are those of the server, by runtime and language.
func (p *pooled) pools() map[string]protocol.LanguagePool {
	p.Helper()
	all, err := p.Runtimes(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	found := map[string]protocol.LanguagePool{}
	for _, r := range all {
		warm := 0
		for _, pool := range r.Pools {
			found[r.RuntimeType+"/"+pool.Language] = pool
			warm += pool.Warm
		}
		if warm != r.Pool.Warm {
			p.Errorf("%s: %+v and %+v", r.RuntimeType, r.Pool, r.Pools)
		}
	}
	return found
}

// full waits until every pool has what it aims at.
func (p *pooled) full() {
	p.Helper()
	var found map[string]protocol.LanguagePool
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found = p.pools()
		full := len(found) > 0 && !p.program.system.Filling()
		for pool := range maps.Values(found) {
			full = full && pool.Warm >= pool.Target
		}
		if full {
			return
		}
	}
	p.Fatalf("the pools do not fill: %+v", found)
}

func (p *pooled) create(language string, edit func(*protocol.SessionCreate)) *protocol.Session {
	p.Helper()
	r := protocol.SessionCreate{Language: language}
	if edit != nil {
		edit(&r)
	}
	s, err := p.Create(p.Context(), r)
	if err != nil {
		p.Fatal(err)
	}
	return s
}

// fromPool creates a session that must come from a pool.
func (p *pooled) fromPool(language string, edit func(*protocol.SessionCreate)) *protocol.Session {
	p.Helper()
	s := p.create(language, edit)
	if !s.Pooled {
		p.Fatalf("the session is not from a pool: %+v", p.pools())
	}
	return s
}

func (p *pooled) shell(s *protocol.Session, line string) string {
	p.Helper()
	name := "sh"
	r, err := p.Client.Run(p.Context(), s.SessionID, &protocol.ExecuteShell{CommandName: &name, Args: []string{"-c", line}})
	if err != nil {
		p.Fatal(err)
	}
	return string(r.Stdout) + string(r.Stderr)
}

func (p *pooled) code(s *protocol.Session, code string) string {
	p.Helper()
	r, err := p.Code(p.Context(), s.SessionID, code)
	if err != nil {
		p.Fatal(err)
	}
	if !r.Success {
		p.Fatalf("%q: %+v", code, r.ExecuteResult)
	}
	return r.Code().Value
}

func (p *pooled) end(s *protocol.Session) {
	p.Helper()
	if err := p.CloseSession(p.Context(), s.SessionID); err != nil {
		p.Fatal(err)
	}
}

// onPools runs a test on a pool of each kind.
func onPools(t *testing.T, test func(p *pooled, kind runtimes.Type, language string)) {
	p := withPools(t)
	for _, c := range []struct {
		kind     runtimes.Type
		language string
	}{{runtimes.Native, "python"}, {runtimes.Bun, "javascript"}, {runtimes.Docker, "python"}} {
		t.Run(c.kind.String(), func(t *testing.T) {
			needLanguage(t, p.program, c.kind, c.language)
			q := &pooled{t, p.Client, p.program}
			q.asked(c.kind, c.language)
			test(q, c.kind, c.language)
		})
	}
}

// asked sees to it that there is a pool: the first session that asks for it is cold.
func (p *pooled) asked(kind runtimes.Type, language string) {
	p.Helper()
	if pool := p.pools()[kind.String()+"/"+language]; pool.Target == 0 {
		p.end(p.create(language, on(kind)))
	}
	p.full()
}

// on asks for a runtime.
func on(kind runtimes.Type) func(*protocol.SessionCreate) {
	return func(r *protocol.SessionCreate) { r.RuntimeType = protocol.RuntimeType(kind.String()) }
}

// leftBehind is what a session leaves, how another would find it, and the names there are.
var leftBehind = map[string]struct{ leave, look, names string }{
	"python": {"import os, random, sys; leftover = 42; os.environ['LEFT'] = 'x'; random.seed(7)\nrandom.random()",
		"import os, random; str(('leftover' in globals(), 'LEFT' in os.environ, random.random(), os.getpid()))",
		"import sys; str(sorted(n for n in globals() if n not in ('sys',)) + [n for n in dir(sys) if n.startswith('last_')])"},
	"javascript": {"globalThis.leftover = 42; process.env.LEFT = 'x'; 1",
		"[typeof leftover, process.env.LEFT === undefined, Math.random()].join()",
		"Object.getOwnPropertyNames(globalThis).sort().join()"},
}

func TestPoolsAreInTheMetrics(t *testing.T) {
	p := withPools(t)
	p.end(p.fromPool("python", nil))
	// This machine may have no network for it, but no pool is asked.
	if s, err := p.Create(t.Context(), protocol.SessionCreate{Language: "python", Network: "internet"}); err == nil {
		if s.Pooled {
			t.Error("a session with a network came from a pool")
		}
		p.end(s)
	}
	url := strings.Replace(strings.TrimSuffix(p.program.URL(), "/ws/jsonrpc"), "ws:", "http:", 1) + "/metrics"
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`codebeaker_pool_warm{`, `codebeaker_pool_target{`, `codebeaker_pool_memory_bytes{`, `codebeaker_pool_hits_total{`,
		`codebeaker_pool_fill_seconds_count{`, `why="network"} 1`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestPooledLeak(t *testing.T) {
	onPools(t, func(p *pooled, kind runtimes.Type, language string) {
		words := leftBehind[language]
		first := p.fromPool(language, func(r *protocol.SessionCreate) {
			on(kind)(r)
			r.Env = map[string]string{"OF_THE_FIRST": "1"}
		})
		names := p.code(first, words.names)
		p.code(first, words.leave)
		p.shell(first, "echo secret >/workspace/f; echo secret >/tmp/f; echo secret >$HOME/f; (setsid sleep 1000 >/dev/null 2>&1 &)")
		seen, uid := p.code(first, words.look), p.shell(first, "id -u; hostname; pwd")
		p.end(first)
		p.full()
		second := p.fromPool(language, on(kind))
		defer p.end(second)
		const line = "cat /workspace/f /tmp/f $HOME/f 2>/dev/null; echo \"[$LEFT$OF_THE_FIRST]\"; grep -l sleep /proc/[0-9]*/comm 2>/dev/null; true"
		if got := p.shell(second, line); got != "[]\n" {
			t.Errorf("the second session found %q", got)
		}
		now := p.code(second, words.look)
		if now == seen || !strings.Contains(now, map[string]string{"python": "(False, False,", "javascript": "undefined,true,"}[language]) {
			t.Errorf("before %s, then %s", seen, now)
		}
		if got := p.shell(second, "id -u; hostname; pwd"); got == uid {
			t.Errorf("both have uid, host name and directory %q", got)
		}
		// A kernel of a pool has no names that another has not.
		code := words.names
		r, err := p.Client.Run(p.Context(), second.SessionID, &protocol.ExecuteCode{Code: &code, Context: of("cold")})
		if err != nil || r.Code().Value != names {
			t.Errorf("%v: warm %s\ncold %+v", err, names, r.ExecuteResult)
		}
	})
}

func TestPooledLate(t *testing.T) {
	onPools(t, func(p *pooled, kind runtimes.Type, language string) {
		for _, memory := range []int64{128, 1024} {
			s := p.create(language, func(r *protocol.SessionCreate) {
				on(kind)(r)
				r.MemoryLimitMB, r.ProcessLimit = &memory, of(int64(50))
				r.Env, r.Labels = map[string]string{"MINE": "a b", "PYTHONSAFEPATH": "1"}, map[string]string{"of": "late"}
			})
			if !s.Pooled && os.Geteuid() == 0 {
				t.Errorf("cold with %d MB: %+v", memory, p.pools())
			} else if !s.Pooled { // what an ordinary user cannot do
				t.Logf("cold with %d MB: %+v", memory, p.pools())
			}
			if got := s.Limits.MemoryMB; got != nil && *got != float64(memory) {
				t.Errorf("asked for %d MB, %v are in force", memory, *got)
			}
			if text := p.shell(s, "echo \"$MINE\""); text != "a b\n" {
				t.Errorf("a program has %q", text)
			}
			ask := map[string]string{"python": "import os; os.environ['MINE']", "javascript": "process.env.MINE"}[language]
			if text := p.code(s, ask); !strings.Contains(text, "a b") {
				t.Errorf("code has %q", text)
			}
			p.end(s)
			p.full()
		}
	})
}

func TestPooledDead(t *testing.T) {
	p := withPools(t)
	if _, ok := p.pools()["Native/python"]; ok {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			p.full()
			before, guests := discarded(p), tracesOf(p.program).processes()
			t.Logf("%v to %d agents", signal, len(guests))
			for _, name := range guests {
				pid, err := strconv.Atoi(strings.TrimPrefix(strings.Fields(name)[0], "/proc/"))
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(pid, signal); err != nil {
					t.Error(err)
				}
			}
			p.discards(before + int64(len(guests))) // those that hang are found by a check
			p.work(runtimes.Native, 8)
		}
	}
	if a := p.program.registry.Offer(runtimes.Docker).Availability; a.Serves(runtimes.Python) {
		p.asked(runtimes.Docker, "python")
		before := discarded(p)
		for _, container := range tracesOf(p.program).containers() {
			if out, err := exec.Command("docker", "rm", "--force", strings.Fields(container)[0]).CombinedOutput(); err != nil {
				t.Errorf("%s: %v", out, err)
			}
		}
		p.discards(before + 1)
		p.work(runtimes.Docker, 2)
	}
}

// discarded is how many environments were given up.
func discarded(p *pooled) (n int64) {
	for _, pool := range p.program.system.Pools() {
		for _, count := range pool.Discarded {
			n += count
		}
	}
	return n
}

// discards waits until so many were given up.
func (p *pooled) discards(n int64) {
	p.Helper()
	for deadline := time.Now().Add(time.Minute); discarded(p) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.Fatalf("%d of %d are given up: %+v", discarded(p), n, p.program.system.Pools())
		}
	}
}

// work creates sessions of Python, each of which must run a program.
func (p *pooled) work(kind runtimes.Type, n int) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	for i := range n {
		s, err := p.Create(ctx, protocol.SessionCreate{
			Language: "python", RuntimeType: protocol.RuntimeType(kind.String()),
		})
		if err != nil {
			p.Fatal(err)
		}
		name := "echo"
		r, err := p.Client.Run(ctx, s.SessionID, &protocol.ExecuteShell{CommandName: &name, Args: []string{fmt.Sprint(i)}})
		if err != nil || string(r.Stdout) != fmt.Sprintln(i) {
			p.Errorf("session %d: %+v, %v", i, r, err)
		}
		p.end(s)
	}
}

func TestPoolsAreDrainedBySIGTERM(t *testing.T) {
	path, dir := buildServer(t), shortTempDir(t)
	b := startBinary(t, path, dir, "--pools=on", "--runtimes", "native,bun,docker")
	c, err := client.Dial(t.Context(), b.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	warm := 0
	for deadline := time.Now().Add(30 * time.Second); warm < 2 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all, err := c.Runtimes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if warm = 0; !slices.ContainsFunc(all, func(r protocol.Runtime) bool { return r.Available }) {
			if os.Getenv("CODEBEAKER_REQUIRE") != "" {
				t.Fatal("there is no runtime")
			}
			t.Skip("there is no runtime")
		}
		for _, r := range all {
			warm += r.Pool.Warm
		}
	}
	c.Close()
	mark, err := readMark(filepath.Join(dir, "mark"))
	if err != nil {
		t.Fatal(err)
	}
	// Those of this process are of other tests' servers.
	left := func() []string {
		tr := traces{dir, mark}
		return slices.Concat(tr.containers(), tr.mounts(t), tr.groups(), entries(filepath.Join(dir, "workspaces")), childrenOf(b.cmd.Process.Pid))
	}
	before := left()
	if warm < 2 || len(before) == 0 {
		t.Fatalf("%d are ready, %v", warm, before)
	}
	children := childrenOf(b.cmd.Process.Pid)
	b.stop(t) // with a fill under way, as likely as not
	for _, pid := range children {
		if state, err := os.ReadFile(filepath.Join("/proc", pid, "comm")); err == nil && strings.HasPrefix(string(state), "guest") {
			t.Errorf("the agent %s lives on", pid)
		}
	}
	if after := left(); len(after) != 0 {
		t.Errorf("left behind: %q", after)
	}
}

// childrenOf are the processes that a process has started.
func childrenOf(pid int) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", pid)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
