package vmtest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// A language is what a runtime is tested with.
type language struct {
	runtime, name string
	// take runs a program that fills so many bytes of memory.
	take func(bytes string) *protocol.ExecuteShell
}

var inContainers = []language{{"Docker", "python", python}}

var inBoxes = []language{
	{"Native", "python", python},
	{"Bun", "javascript", func(bytes string) *protocol.ExecuteShell {
		return client.Program("bun", "-e", fill(bytes))
	}},
	{"Deno", "javascript", func(bytes string) *protocol.ExecuteShell {
		return client.Program("deno", "eval", fill(bytes))
	}},
}

func python(bytes string) *protocol.ExecuteShell {
	return client.Program("python3", "-c", "b = bytearray("+bytes+"); print(len(b))")
}

// fill takes the memory in pieces: no engine gives so much at once.
func fill(bytes string) string {
	return "const all = []; for (let n = 0; n < " + bytes + "; n += 2 ** 24) all.push(new Uint8Array(2 ** 24).fill(1)); console.log(all.length)"
}

// A session is one of the server at hand.
type session struct {
	*protocol.Session
	server *server
	closed bool
}

// run runs a program to its end.
func (s *session) run(t *testing.T, command *protocol.ExecuteShell) *client.Result {
	t.Helper()
	e := s.start(t, client.Execute{Command: withoutInput(command)})
	return s.finish(t, e)
}

// shell runs a line of sh(1) to its end.
func (s *session) shell(t *testing.T, line string) *client.Result {
	t.Helper()
	return s.run(t, client.Program("sh", "-c", line))
}

func withoutInput(command *protocol.ExecuteShell) *protocol.ExecuteShell {
	empty := ""
	command.Stdin = &empty
	return command
}

func (s *session) start(t *testing.T, x client.Execute) *client.Execution {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stretched(10*time.Second))
	defer cancel()
	x.SessionID = s.SessionID
	if x.Timeout = stretched(10 * time.Second); x.Background {
		x.Timeout = 0
	}
	e, err := s.server.client.Start(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// finish reads what a program writes and waits for its end.
func (s *session) finish(t *testing.T, e *client.Execution) *client.Result {
	t.Helper()
	r := &client.Result{}
	for o, err := range e.Output() {
		switch {
		case err != nil:
			t.Fatal(err)
		case o.Stream == client.Stderr:
			r.Stderr = append(r.Stderr, o.Data...)
		default:
			r.Stdout = append(r.Stdout, o.Data...)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	var err error
	if r.ExecuteResult, err = e.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *session) close(t *testing.T) {
	t.Helper()
	s.closed = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), stretched(10*time.Second))
	defer cancel()
	if err := s.server.client.CloseSession(ctx, s.SessionID); err != nil {
		t.Errorf("close: %v", err)
	}
}

// want checks how a program ended and all it wrote.
func want(t *testing.T, r *client.Result, status, stdout string) {
	t.Helper()
	if p := r.Process(); p.Status != status || string(r.Stdout) != stdout {
		t.Errorf("got %s, code %v, signal %q, stdout %q, stderr %.300q, error %v; want %s and %q",
			p.Status, code(p), p.Signal, r.Stdout, r.Stderr, text(r.Error), status, stdout)
	}
}

func code(p *protocol.ProcessResult) any {
	if p.ExitCode == nil {
		return nil
	}
	return *p.ExitCode
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// The limits that are asked for, none of them a default.
var (
	memoryMB int64 = 192
	cpus           = 1.5
	processN int64 = 40
)

// testRuntime has one session of a runtime from its creation to its end.
func testRuntime(t *testing.T, v *server, l language) {
	v.need(t, l.runtime)
	s := v.create(t, protocol.SessionCreate{
		Language: l.name, RuntimeType: protocol.RuntimeType(l.runtime), MemoryLimitMB: &memoryMB, CPUs: &cpus, ProcessLimit: &processN,
	})
	for _, c := range []struct {
		name string
		test func(*testing.T, *session, language)
	}{
		{"Layers", testLayers},
		{"Limits", testLimits},
		{"Confined", testConfined},
		{"ExitCode", testExitCode},
		{"Signal", testSignal},
		{"Usage", testUsage},
		{"SideBySide", testSideBySide},
		{"Cells", testCells},
		{"TreeKill", testTreeKill},
		{"ForkBomb", testForkBomb},
		{"Memory", testMemory},
		{"Close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, s, l) })
	}
}

// testLayers: seccomp always, control groups where they can be had.
func testLayers(t *testing.T, s *session, _ language) {
	t.Logf("score %d: %s", s.Isolation.Score, strings.Join(s.Isolation.Layers, " "))
	for layer, expected := range map[string]bool{
		"seccomp": true, "noNewPrivileges": true, "pidNamespace": true, "networkNamespace": true, "treeKill": true,
		"cgroupMemory": s.server.groups, "cgroupPids": s.server.groups, "cgroupCpu": s.server.groups,
	} {
		if slices.Contains(s.Isolation.Layers, layer) != expected {
			t.Errorf("%s is in force: %v", layer, !expected)
		}
	}
	if !s.server.groups && !slices.Contains(s.Isolation.Layers, "resourceLimits") {
		t.Error("without control groups there are no resourceLimits")
	}
}

// testLimits: what was asked for is in force. Processor time needs a group, and
// so does the memory of all processes together; without one that of each is
// bounded, and of an engine that reserves much more than it uses by that much more.
func testLimits(t *testing.T, s *session, l language) {
	if got := s.Limits.MemoryMB; s.server.groups != (got != nil) || got != nil && *got != float64(memoryMB) {
		t.Errorf("memoryMB is %v", value(got))
	}
	if got := s.Limits.ProcessMemoryMB; s.server.groups != (got == nil) || got != nil && (*got < float64(memoryMB) || l.runtime == "Native" && *got != float64(memoryMB)) {
		t.Errorf("processMemoryMB is %v", value(got))
	}
	if got := s.Limits.Processes; got == nil || *got != processN {
		t.Errorf("processes is %v", value(got))
	}
	if got := s.Limits.CPUs; s.server.groups != (got != nil) || got != nil && *got != cpus {
		t.Errorf("cpus is %v", value(got))
	}
}

func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// testConfined: what the kernel says of a program itself.
func testConfined(t *testing.T, s *session, _ language) {
	r := s.run(t, client.Program("grep", "-E", "^(Seccomp|NoNewPrivs|CapEff):", "/proc/self/status"))
	want(t, r, "Completed", "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n")
}

func testExitCode(t *testing.T, s *session, _ language) {
	r := s.shell(t, "echo out; echo complaint >&2; exit 3")
	want(t, r, "NonZeroExit", "out\n")
	if got := r.Process().ExitCode; got == nil || *got != 3 || string(r.Stderr) != "complaint\n" {
		t.Errorf("exit code %v, stderr %q", value(got), r.Stderr)
	}
}

func testSignal(t *testing.T, s *session, _ language) {
	r := s.shell(t, "kill -s SEGV $$")
	want(t, r, "Signalled", "")
	if p := r.Process(); p.Signal != "SIGSEGV" || p.ExitCode != nil {
		t.Errorf("signal %q, exit code %v", p.Signal, value(p.ExitCode))
	}
}

// testUsage: of the program and its tree.
func testUsage(t *testing.T, s *session, l language) {
	r := s.run(t, l.take("2**25"))
	u := r.Process().Usage
	if !r.Success || u.WallMs == nil || u.CPUMs == nil || *u.CPUMs <= 0 {
		t.Errorf("success %v, wallMs %v, cpuMs %v", r.Success, value(u.WallMs), value(u.CPUMs))
	}
	if s.server.groups && (u.PeakMemoryBytes == nil || *u.PeakMemoryBytes < 1<<25 || *u.PeakMemoryBytes > memoryMB<<20) {
		t.Errorf("peakMemoryBytes is %v of a program that takes 32 MiB", value(u.PeakMemoryBytes))
	}
	t.Logf("cpuMs %v, peakMemoryBytes %v", value(u.CPUMs), value(u.PeakMemoryBytes))
}

// testCells: code keeps its variables, an exception too, and a new kernel has none.
func testCells(t *testing.T, s *session, l language) {
	cell := func(code string, reset bool) *client.Result {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		r, err := s.server.client.Run(ctx, s.SessionID, &protocol.ExecuteCode{Code: &code, Reset: reset})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	show, throw := "print", "1 / 0"
	if l.name == "javascript" {
		show, throw = "console.log", "null.f()"
	}
	if r := cell("x = 41; "+show+"('out')", false); string(r.Stdout) != "out\n" || !r.Success {
		t.Errorf("%q, %q, %v", r.Stdout, r.Stderr, text(r.Error))
	}
	if r := cell(throw, false); r.Code() == nil || r.Code().Exception == nil || r.Code().Kernel != "kept" {
		t.Errorf("%+v, %v", r.Code(), text(r.Error))
	}
	if r := cell("x + 1", false); r.Code() == nil || r.Code().Value != "42" {
		t.Errorf("%+v, %v", r.Code(), text(r.Error))
	}
	if r := cell("x", true); r.Code() == nil || r.Code().Exception == nil || r.Code().Exception.Name != map[string]string{"python": "NameError", "javascript": "ReferenceError"}[l.name] {
		t.Errorf("%+v, %v", r.Code(), text(r.Error))
	}
}

// testSideBySide: two programs run at one time, each with its own input.
func testSideBySide(t *testing.T, s *session, _ language) {
	const line = `echo ready; read word; echo "got $word"`
	first := s.start(t, client.Execute{Command: client.Program("sh", "-c", line), Background: true})
	second := s.start(t, client.Execute{Command: client.Program("sh", "-c", line), Background: true})
	feed := func(e *client.Execution, word string) {
		// The program may take it and end before the server's answer comes.
		if _, err := io.WriteString(e, word); err != nil && !errors.Is(err, client.ErrInputClosed) {
			t.Errorf("input: %v", err)
		}
	}
	for e, word := range map[*client.Execution]string{second: "two", first: "one"} {
		for o := range e.Output() {
			if string(o.Data) != "ready\n" {
				t.Errorf("got %q", o.Data)
			}
			break
		}
		feed(e, word+"\n")
		want(t, s.finish(t, e), "Completed", "got "+word+"\n")
	}
}

// testTreeKill: a daemon is gone with the program that began it.
func testTreeKill(t *testing.T, s *session, _ language) {
	const mark = "sleep 24681357"
	e := s.start(t, client.Execute{Command: client.Program("sh", "-c",
		`(setsid sh -c '`+mark+` & exec `+mark+`' >/dev/null 2>&1 </dev/null &); read word; exit 0`)})
	eventually(t, "both processes of the daemon are seen", func() bool { return len(exactly(mark)) == 2 })
	if err := e.CloseInput(); err != nil && !errors.Is(err, client.ErrInputClosed) {
		t.Error(err)
	}
	if r := s.finish(t, e); !r.Success {
		t.Errorf("it ended with %s", r.Process().Status)
	}
	if left := exactly(mark); len(left) > 0 {
		t.Errorf("left after the end: %v", left)
	}
}

// agentThreads is what a limit of resources has room for beside the programs:
// it counts the agent's threads too, which may be fewer.
const agentThreads = 16

// testForkBomb: what multiplies stays within the limit of processes, ends when
// it is told to, and its places are free again.
func testForkBomb(t *testing.T, s *session, l language) {
	// The subshell forks until it may not, and ends; the shell stays.
	const sleeper = "sleep 13572468"
	const begin = `(while :; do ` + sleeper + ` & done); echo full; read word`
	bomb := s.start(t, client.Execute{Command: client.Program("sh", "-c", begin)})
	for o := range bomb.Output() {
		if strings.Contains(string(o.Data), "full") {
			break
		}
	}
	limit := processN
	if !s.server.groups {
		limit += agentThreads
	}
	if n := int64(len(exactly(sleeper))); n < processN/2 || n > limit {
		t.Errorf("%d processes under a limit of %d", n, limit)
	}
	r := s.kill(t, bomb)
	if hit := slices.Contains(r.Process().LimitsHit, "processes"); hit != s.server.groups {
		t.Errorf("limitsHit is %q", r.Process().LimitsHit)
	}
	if left := exactly(sleeper); len(left) > 0 {
		t.Errorf("left after the end: %v", left)
	}
	again := s.shell(t, `i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i+1)); done; echo all`)
	want(t, again, "Completed", "all\n")
	if p := again.Process(); len(p.EndedProcesses) != 16 || p.EndedProcesses[0].Name != "sleep" || len(p.LimitsHit) > 0 {
		t.Errorf("of 20 processes that were left %v are named; limitsHit is %q", p.EndedProcesses, p.LimitsHit)
	}
	if l.runtime != "Bun" && l.runtime != "Deno" { // once is enough: every box has the same agent
		wildBomb(t, s)
	}
}

// wildBomb multiplies from all sides, and takes the processors besides.
func wildBomb(t *testing.T, s *session) {
	t.Helper()
	const mark = "codebeaker-bomb"
	bomb := s.start(t, client.Execute{Command: withoutInput(client.Program("sh", "-c",
		`b() { b | b & }; b; while :; do :; done #`+mark))})
	for o := range bomb.Output() {
		if strings.Contains(string(o.Data), "fork") {
			break
		}
	}
	s.kill(t, bomb)
	if left := marked(mark); len(left) > 0 {
		t.Errorf("left after the end: %v", left)
	}
	want(t, s.shell(t, "echo works"), "Completed", "works\n")
}

// kill ends a program's whole tree, which may have ended by itself.
func (s *session) kill(t *testing.T, e *client.Execution) *client.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	if _, err := e.Signal(ctx, "SIGKILL"); err != nil {
		t.Error(err)
	}
	r := s.finish(t, e)
	if r.Success {
		t.Errorf("it ended with %s", r.Process().Status)
	}
	return r
}

// testMemory: only a group can tell that memory was the reason, and without one
// an engine that reserves much more than it uses has no limit.
func testMemory(t *testing.T, s *session, l language) {
	if s.Limits.MemoryMB != nil || l.runtime == "Native" {
		r := s.run(t, l.take("2**31"))
		if p := r.Process(); r.Success || s.server.groups && p.Status != "MemoryLimitExceeded" {
			t.Errorf("2 GiB under a limit of %d MB: %s, code %v, signal %q, stderr %.300q", memoryMB, p.Status, code(p), p.Signal, r.Stderr)
		}
	}
	want(t, s.shell(t, "echo works"), "Completed", "works\n")
}

// testClose: a session that is closed leaves nothing, whatever it ran.
func testClose(t *testing.T, s *session, _ language) {
	s.start(t, client.Execute{Command: client.Program("sh", "-c", `trap '' TERM; setsid sleep 100000 & sleep 100000`), Background: true})
	s.shell(t, "mkdir -p deep/er; echo x >deep/er/file; chmod 000 deep")
	if len(s.traces()) < 3 {
		t.Errorf("a living session leaves only %q: this test looks in the wrong places", s.traces())
	}
	s.close(t)
	var left []string
	if !eventually(t, "the session left nothing", func() bool {
		left = s.traces()
		return len(left) == 0
	}) {
		t.Errorf("left:\n\t%s", strings.Join(left, "\n\t"))
	}
}

// testSeedExample is the first session of README.md.
func testSeedExample(t *testing.T, v *server) {
	v.need(t, "Bun")
	s := v.create(t, protocol.SessionCreate{Language: "javascript", RuntimePreference: "Speed"})
	if s.RuntimeType != "Bun" {
		t.Errorf("Speed chose %s", s.RuntimeType)
	}
	ctx, cancel := context.WithTimeout(t.Context(), stretched(10*time.Second))
	defer cancel()
	if r, err := v.client.Exec(ctx, s.SessionID, client.WriteText("hello.js", "console.log('hello', 6 * 7)")); err != nil || !r.Success {
		t.Fatalf("write_file: %+v, %v", r, err)
	}
	r := s.run(t, client.Program("bun", "hello.js"))
	want(t, r, "Completed", "hello 42\n")
	if got := r.Process().ExitCode; got == nil || *got != 0 {
		t.Errorf("exit code %v", value(got))
	}
	s.close(t)
}
