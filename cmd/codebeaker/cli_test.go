package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// cli runs the program as a process of its own against a server.
type cli struct {
	path, url string
}

// cliOn is the program for a server that has the runtime: the shared one, or
// one of the test's own with these args.
func cliOn(t *testing.T, kind runtimes.Type, args ...string) (*cli, *Program) {
	t.Helper()
	var p *Program
	if len(args) == 0 {
		p = sharedServer(t)
	} else {
		p = startServer(t, args...)
	}
	need(t, p, kind)
	return &cli{buildServer(t), p.URL()}, p
}

// use is what a test does with the program.
type use struct {
	name string
	test func(*testing.T, *cli)
}

// onOneServer runs tests on Native, one after another, with one server.
func onOneServer(t *testing.T, uses []use) {
	t.Helper()
	var args []string
	if testing.Short() {
		args = []string{"--runtimes", "native"}
	}
	c, _ := cliOn(t, runtimes.Native, args...)
	for _, u := range uses {
		t.Run(u.name, func(t *testing.T) { u.test(t, c) })
	}
}

// session is a session that was made elsewhere.
func (c *cli) session(t *testing.T) (k *client.Client, id string) {
	t.Helper()
	k, err := client.Dial(t.Context(), c.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	s, err := k.Create(t.Context(), protocol.SessionCreate{Language: "python"})
	if err != nil {
		t.Fatal(err)
	}
	return k, s.SessionID
}

func (c *cli) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Env = append(os.Environ(), "CODEBEAKER_SERVER="+c.url)
	return cmd
}

// run runs it to its end with an input.
func (c *cli) run(t *testing.T, in string, args ...string) (out, complaints string, code int) {
	t.Helper()
	cmd := c.command(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// wantNoSession checks that nothing of the commands is left.
func (c *cli) wantNoSession(t *testing.T) {
	t.Helper()
	if out, complaints, code := c.run(t, "", "sessions", "--json"); code != 0 || strings.TrimSpace(out) != "[]" {
		t.Errorf("sessions: %s%s, exit code %d", out, complaints, code)
	}
}

func TestCLIOnNative(t *testing.T) {
	onOneServer(t, []use{
		{"ExecPassesOutputInputAndExitCodeThrough", execPassesOutputInputAndExitCodeThrough},
		{"ExecCarriesAnyAmountBothWays", execCarriesAnyAmountBothWays},
		{"ExecAsJSONHasTheWholeResult", execAsJSONHasTheWholeResult},
		{"ExecPassesTheInterruptOn", execPassesTheInterruptOn},
		{"ExecWhoseReaderLeavesClosesItsSession", execWhoseReaderLeavesClosesItsSession},
		{"ANamedSessionIsUsedAndStays", namedSessionIsUsedAndStays},
		{"ExecInANamedSessionIsKilledByTwoInterrupts", interruptsKillInNamedSession},
		{"ExecInANamedSessionIsKilledWhenItsReaderLeaves", leavingReaderKillsInNamedSession},
		{"RunGivesArgumentsAndSaysWhatItCannotDo", runGivesArgumentsAndSaysWhatItCannotDo},
		{"RunRunsANotebookAndWritesWhatCameOfIt", runRunsANotebook},
		{"ReplRunsTheCellsOfAPipe", replRunsAPipe},
	})
}

func execPassesOutputInputAndExitCodeThrough(t *testing.T, c *cli) {
	for _, x := range []struct {
		in              string
		args            []string
		out, complaints string
		code            int
	}{
		{"", []string{"--", "sh", "-c", "echo out; echo err >&2; exit 7"}, "out\n", "err\n", 7},
		{"in\x00\xff", []string{"--", "cat"}, "in\x00\xff", "", 0},
		{"", []string{"--", "sh", "-c", "kill -TERM $$"}, "", "", 128 + 15},
		{"", []string{"--timeout", "300ms", "--", "sleep", "60"}, "", "codebeaker: the program was stopped at its time limit of 300ms\n", 124},
		{"", []string{"--", "nosuch"}, "", "codebeaker: there is no program \"nosuch\" on the PATH\n", 127},
		{"", []string{"--runtime", "Embedded", "--", "true"}, "", "*", 125},
		{"", []string{"--session", "none", "--", "true"}, "", "codebeaker: session.get: no such session (-32001)\n", 125},
		{"", []string{"--timeout", "-1s", "--", "true"}, "", "codebeaker: a time limit must not be negative\n", 125},
		{"", []string{"--nosuch"}, "", "codebeaker: unknown flag: --nosuch\n", 125},
		{"", nil, "", "*", 125},
		{"", []string{"--network", "mars", "--", "true"}, "", "*", 125},
	} {
		args := append([]string{"exec", "python"}, x.args...)
		out, complaints, code := c.run(t, x.in, args...)
		if x.complaints == "*" && complaints != "" {
			complaints = x.complaints
		}
		if out != x.out || complaints != x.complaints || code != x.code {
			t.Errorf("%v: %q, %q, exit code %d", args, out, complaints, code)
		}
	}
	if device, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil {
		device.Close()
		out, complaints, code := c.run(t, "", "exec", "python", "--network", "internet", "--", "cat", "/etc/resolv.conf")
		if !strings.HasPrefix(out, "nameserver 198.51.100.1\n") || code != 0 {
			t.Errorf("with a network: %q, %q, exit code %d", out, complaints, code)
		}
	}
	c.wantNoSession(t)
}

func execCarriesAnyAmountBothWays(t *testing.T, c *cli) {
	in := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(in)
	out, complaints, code := c.run(t, string(in), "exec", "python", "--", "cat")
	if out != string(in) || complaints != "" || code != 0 {
		t.Errorf("%d bytes, %q, exit code %d", len(out), complaints, code)
	}
}

func execAsJSONHasTheWholeResult(t *testing.T, c *cli) {
	out, complaints, code := c.run(t, "", "exec", "--json", "python", "--", "sh", "-c", "echo out; exit 3")
	var r struct {
		SessionID   string                  `json:"sessionId"`
		RuntimeType string                  `json:"runtimeType"`
		Success     bool                    `json:"success"`
		ErrorCode   string                  `json:"errorCode"`
		Result      *protocol.ProcessResult `json:"result"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code != 3 || complaints != "" || r.SessionID == "" || r.RuntimeType != "Native" || r.Success || r.ErrorCode != "NonZeroExit" || r.Result.Stdout != "out\n" || *r.Result.ExitCode != 3 {
		t.Errorf("%+v, %q, exit code %d", r, complaints, code)
	}
}

// The first Ctrl-C is the program's, the second ends all.
func execPassesTheInterruptOn(t *testing.T, c *cli) {
	for _, x := range []struct {
		script string
		twice  bool
		out    string
		code   int
	}{
		{`trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done`, false, "ready\ncaught\n", 5},
		{`echo ready; exec sleep 60`, false, "ready\n", 130},
		{`trap 'echo caught' INT; echo ready; while :; do sleep 0.05; done`, true, "ready\ncaught\n", 130},
	} {
		cmd := c.command(t, "exec", "python", "--", "sh", "-c", x.script)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var out []byte
		for piece := make([]byte, 1024); ; {
			n, err := stdout.Read(piece)
			out = append(out, piece[:n]...)
			if err != nil {
				break
			}
			if s := string(piece[:n]); s == "ready\n" || x.twice {
				if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
					t.Error(err)
				}
			}
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != x.code || string(out) != x.out {
			t.Errorf("%s: %q, exit code %d", x.script, out, code)
		}
	}
	c.wantNoSession(t)
}

// Whoever reads may leave: the session is closed all the same.
func execWhoseReaderLeavesClosesItsSession(t *testing.T, c *cli) {
	readAndLeave(t, c.command(t, "exec", "python", "--", "yes"))
	c.wantNoSession(t)
}

// readAndLeave starts a command that writes without end, and leaves it.
func readAndLeave(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = stdout.Close()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGPIPE) {
		t.Errorf("exit code %d", code)
	}
}

// Nothing of a command that was killed outlives the grace.
func TestASessionOfAKilledCommandEnds(t *testing.T) {
	notShort(t)
	c, p := cliOn(t, runtimes.Native, "--runtimes", "native", "--disconnect-grace", "500ms")
	cmd := c.command(t, "exec", "python", "--", "sh", "-c", "echo ready; sleep 1000")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("ready"))); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	k, err := client.Dial(t.Context(), p.URL(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		page, err := k.List(t.Context(), protocol.SessionList{})
		if err != nil {
			t.Fatal(err)
		}
		if page.Count == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: %+v", page.Sessions)
		}
	}
}

func namedSessionIsUsedAndStays(t *testing.T, c *cli) {
	_, id := c.session(t)
	for _, script := range []string{"echo kept > file", "cat file"} {
		if out, complaints, code := c.run(t, "", "exec", "--session", id, "python", "--", "sh", "-c", script); code != 0 || complaints != "" || script == "cat file" && out != "kept\n" {
			t.Errorf("%s: %q, %q, exit code %d", script, out, complaints, code)
		}
	}
	out, _, _ := c.run(t, "", "sessions")
	if lines := strings.Split(out, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], id+"  python    Native   Idle ") {
		t.Errorf("sessions:\n%s", out)
	}
	if out, complaints, code := c.run(t, "", "sessions", "close", id, "none"); out+complaints != "" || code != 0 {
		t.Errorf("close: %s%s, exit code %d", out, complaints, code)
	}
	c.wantNoSession(t)
}

func TestRunRunsAFileOfEachLanguageOnEachRuntime(t *testing.T) {
	c, p := cliOn(t, runtimes.Native)
	for _, x := range programs {
		t.Run(x.runtime.String()+" "+x.language, func(t *testing.T) {
			needLanguage(t, p, x.runtime, x.language)
			file := filepath.Join(t.TempDir(), x.file)
			if err := os.WriteFile(file, []byte(x.source), 0o600); err != nil {
				t.Fatal(err)
			}
			out, complaints, code := c.run(t, "", "run", "--runtime", x.runtime.String(), file)
			if out != "hello 42\n" || code != 0 {
				t.Errorf("%q, %q, exit code %d", out, complaints, code)
			}
		})
	}
	c.wantNoSession(t)
}

func runGivesArgumentsAndSaysWhatItCannotDo(t *testing.T, c *cli) {
	dir := t.TempDir()
	file := filepath.Join(dir, "args.py")
	if err := os.WriteFile(file, []byte("import sys; print(sys.argv[1:], sys.stdin.read())"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, complaints, code := c.run(t, "typed", "run", file, "a", "-b", "--json"); out != "['a', '-b', '--json'] typed\n" || code != 0 {
		t.Errorf("%q, %q, exit code %d", out, complaints, code)
	}
	latin := filepath.Join(dir, "latin.py")
	if err := os.WriteFile(latin, []byte("# coding: latin-1\nprint(len('\xe9\xe8'))"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, complaints, code := c.run(t, "", "run", latin); out != "2\n" || code != 0 {
		t.Errorf("a file that is not UTF-8: %q, %q, exit code %d", out, complaints, code)
	}
	for _, missing := range []string{filepath.Join(dir, "none.py"), filepath.Join(dir, "a.cob")} {
		if out, complaints, code := c.run(t, "", "run", missing); out != "" || complaints == "" || code != 125 {
			t.Errorf("%s: %q, %q, exit code %d", missing, out, complaints, code)
		}
	}
}

func TestWithoutAServerTheCommandsSayWhatToStart(t *testing.T) {
	c := &cli{buildServer(t), "ws://127.0.0.1:1/ws/jsonrpc"}
	for _, args := range [][]string{{"sessions"}, {"sessions", "close", "x"}, {"exec", "python", "--", "true"}} {
		want := 1
		if args[0] == "exec" {
			want = 125
		}
		out, complaints, code := c.run(t, "", args...)
		if out != "" || code != want || !strings.Contains(complaints, "codebeaker serve") {
			t.Errorf("%v: %q, %q, exit code %d", args, out, complaints, code)
		}
	}
	if out, complaints, code := c.run(t, "", "shell", "python"); out != "" || code != 125 || !strings.Contains(complaints, "codebeaker exec") {
		t.Errorf("shell without a terminal: %q, %q, exit code %d", out, complaints, code)
	}
}

func TestAKeyIsAskedForAndTaken(t *testing.T) {
	dir := shortTempDir(t)
	secret, err := exec.CommandContext(t.Context(), buildServer(t), "keys", "add", "tester", "--data-dir", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	p := openServer(t, dir, "--runtimes", "fake")
	serve(t, p)
	c := &cli{buildServer(t), p.URL()}
	for key, want := range map[string]string{"": "--key", "wrong": "does not know this key"} {
		if out, complaints, code := c.run(t, "", "sessions", "--key", key); out != "" || code != 1 || !strings.Contains(complaints, want) {
			t.Errorf("key %q: %q, %q, exit code %d", key, out, complaints, code)
		}
	}
	if out, complaints, code := c.run(t, "", "sessions", "--key", strings.TrimSpace(string(secret))); code != 0 || complaints != "" || !strings.HasPrefix(out, "SESSION") {
		t.Errorf("%q, %q, exit code %d", out, complaints, code)
	}
}

func TestFlagsOfClientCommandsAreDocumented(t *testing.T) {
	documented := firstCells(t, page(t, "client.md"), "<!-- flags of the client commands")
	declared := map[string]bool{}
	for _, cmd := range []*cobra.Command{execCommand(), runCommand(), shellCommand(), sessionsCommand()} {
		for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
			flags.VisitAll(func(f *pflag.Flag) { declared["--"+f.Name] = true })
		}
	}
	slices.Sort(documented)
	if all := slices.Sorted(maps.Keys(declared)); !slices.Equal(documented, all) {
		t.Errorf("documented %v\ndeclared   %v", documented, all)
	}
}

// Every status of a program has its exit code.
func TestExitCodesOfStatuses(t *testing.T) {
	seven := 7
	for _, x := range []struct {
		result protocol.ProcessResult
		code   int
	}{
		{protocol.ProcessResult{Status: "NonZeroExit", ExitCode: &seven}, 7},
		{protocol.ProcessResult{Status: "Signalled", Signal: "SIGSEGV"}, 139},
		{protocol.ProcessResult{Status: "MemoryLimitExceeded", Signal: "SIGKILL"}, 137},
		{protocol.ProcessResult{Status: "TimeLimitExceeded", Signal: "SIGTERM"}, 124},
		{protocol.ProcessResult{Status: "CouldNotStart"}, 127},
		{protocol.ProcessResult{Status: "EnvironmentLost"}, 125},
		{protocol.ProcessResult{Status: "Cancelled"}, 125},
	} {
		var exit *exitError
		if err := exitOf(&protocol.ExecuteResult{Result: &x.result}); !errors.As(err, &exit) || exit.code != x.code {
			t.Errorf("%s: %v", fmt.Sprint(x.result.Status), err)
		}
	}
}
