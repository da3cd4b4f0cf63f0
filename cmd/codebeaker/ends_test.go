package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnEnd(t *testing.T) {
	keepOnEach(t, []promise{
		{"BySignalIsThatSignals", endsBySignal},
		{"TakesTheWholeTreeAndItsPort", endTakesTree},
		{"ComesInTimeWhateverTheProgramDoes", endsInTime},
		{"OfOneSpareTheOthers", endSparesOthers},
	})
}

// R16: the names of signal(7) whose default is to end a program.
func endsBySignal(t *testing.T, _ *Program, f *foreign, s session) {
	for _, name := range []string{
		"SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
		"SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSYS",
	} {
		r := f.start(s, object{"type": "execute_shell", "commandName": "sleep", "args": []string{"1000"}}, nil)
		if !r.signal(name) {
			t.Errorf("%s was not delivered", name)
		}
		o := r.wait()
		if o.Result.Signal != name || o.Result.Status != "Signalled" || o.Result.ExitCode != nil || o.Success {
			t.Errorf("%s: %+v", name, o)
		}
		if r.signal(name) {
			t.Errorf("%s was delivered to the dead", name)
		}
	}
}

// tree is a line of sh whose processes ignore what can be ignored and have
// left their group, their session or their parent. Each has the tag in its
// command line. server is a command that listens in the background.
func tree(tag, server string) string {
	beat := fmt.Sprintf(`sh -c "trap '' TERM HUP INT PIPE QUIT; while :; do sleep 1; done; : %s"`, tag)
	return strings.NewReplacer("BEAT", beat, "TAG", tag, "SERVER", server).Replace(`trap '' TERM HUP INT PIPE QUIT
		setsid BEAT &
		(setsid BEAT >/dev/null 2>&1 </dev/null &)
		((BEAT &) &)
		rm -f up; SERVER
		while ! test -e up; do sleep 0.05; done; echo up
		END; while :; do sleep 1; : TAG; done`)
}

// listeners bind a port, make the file up, and stay; free binds the port, says
// so and ends.
var listeners = map[string]struct{ stay, free string }{
	"python": {
		`setsid python3 -c 'import socket,signal,time; signal.signal(15, 1); s=socket.socket(); s.bind(("127.0.0.1", %d)); s.listen(); open("up", "w"); time.sleep(9999)' &`,
		`python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", %d)); s.listen(); print("free")'`,
	},
	"Bun": {
		`setsid bun -e 'process.on("SIGTERM", () => {}); require("net").createServer().listen(%d, "127.0.0.1", () => require("fs").writeFileSync("up", ""))' &`,
		`bun -e 'require("net").createServer().listen(%d, "127.0.0.1", function () { console.log("free"); this.close() })'`,
	},
	"Deno": {
		`setsid deno eval 'Deno.addSignalListener("SIGTERM", () => {}); Deno.listen({ port: %d, hostname: "127.0.0.1" }); Deno.writeTextFileSync("up", ""); setInterval(() => {}, 1000)' &`,
		`deno eval 'Deno.listen({ port: %d, hostname: "127.0.0.1" }).close(); console.log("free")'`,
	},
}

// R3: however an execution ends, its tree is gone within a second, seen from
// outside, and the port that it held can be had again.
func endTakesTree(t *testing.T, _ *Program, f *foreign, s session) {
	kind := s.Runtime
	if s.Language == "python" {
		kind = "python"
	}
	listener := listeners[kind]
	for at, c := range []struct {
		name, status, end string
		more              object
	}{
		{"time limit while stopped", "TimeLimitExceeded", "kill -STOP $$", object{"timeoutMs": 3000}},
		{"SIGKILL", "Signalled", ":", nil},
		{"exit", "NonZeroExit", "exit 3", nil},
		{"own SIGKILL", "Signalled", "kill -KILL $$", nil},
	} {
		port, tag := 18080+at, fmt.Sprintf("tree-%d-%s-%d", os.Getpid(), s.ID, at)
		line := strings.Replace(tree(tag, fmt.Sprintf(listener.stay, port)), "END", c.end, 1)
		r := f.start(s, shellLine(line), c.more)
		r.until("up")
		if c.name == "SIGKILL" {
			wantAlive(t, 4, tag)
			r.signal("SIGKILL")
		}
		if o := r.wait(); o.Result.Status != c.status || (o.Result.ExitCode != nil) != (c.end == "exit 3") {
			t.Errorf("%s: %+v", c.name, o)
		}
		wantGone(t, c.name, tag)
		if o := f.shell(s, "sh", "-c", fmt.Sprintf(listener.free, port)); o.Result.Stdout != "free\n" {
			t.Errorf("%s: the port is not free: %+v", c.name, o)
		}
	}
}

// withTag are the processes of this machine whose command line has the tag.
func withTag(tag string) (found []string) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), tag) {
			found = append(found, filepath.Dir(path))
		}
	}
	return found
}

// wantAlive waits until so many processes with the tag live.
func wantAlive(t *testing.T, n int, tag string) {
	t.Helper()
	var found []string
	for begin := time.Now(); time.Since(begin) < 2*time.Second; time.Sleep(10 * time.Millisecond) {
		if found = withTag(tag); len(found) >= n {
			return
		}
	}
	t.Errorf("there are only %q", found)
}

// wantGone fails when a process with the tag lives a second after the reply.
func wantGone(t *testing.T, what, tag string) {
	t.Helper()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		return // seen from inside only: the port
	}
	begin := time.Now()
	for len(withTag(tag)) > 0 && time.Since(begin) < time.Second {
		time.Sleep(10 * time.Millisecond)
	}
	if left := withTag(tag); len(left) > 0 {
		t.Errorf("%s: a second after the reply there are %q", what, left)
	}
}

// A program is ended within half a second of its limit, be it of
// time or of the processor's time.
func endsInTime(t *testing.T, _ *Program, f *foreign, s session) {
	const limit, late = 300, 500 // ms
	for name, line := range map[string]string{
		"sleeps":                   "sleep infinity",
		"ignores":                  "trap '' TERM INT HUP PIPE XCPU QUIT; while :; do sleep 1; done",
		"is stopped":               "kill -STOP $$",
		"multiplies":               "b() { b | b & }; b; while :; do sleep 1; done",
		"floods":                   "yes",
		"has children that ignore": "(trap '' TERM; sleep 1000) & sleep 1000",
		"closes all that it has":   "exec <&- >&- 2>&-; sleep 1000",
	} {
		best := 1e9
		for range 3 { // the machine may be busy once or twice, not three times
			var o outcome
			f.call("session.execute", object{"sessionId": s.ID, "command": shellLine(line), "timeoutMs": limit}, &o)
			if name == "multiplies" && o.Result.Status == "NonZeroExit" {
				best = 0 // ended by its own bomb
			} else if o.Result.Status != "TimeLimitExceeded" || o.Result.ExitCode != nil {
				t.Errorf("a program that %s: %+v", name, o)
			} else {
				best = min(best, *o.Result.Usage.WallMs)
			}
			if best <= limit+late {
				break
			}
		}
		if best > limit+late {
			t.Errorf("a program that %s ran for %v ms", name, best)
		}
	}
	for name, line := range map[string]string{
		"is busy":             "while :; do :; done",
		"is busy and ignores": "trap '' XCPU TERM; while :; do :; done",
		"lets others be busy": "while :; do :; done & while :; do :; done & wait",
	} {
		command := shellLine(line)
		command["limits"] = object{"cpuMs": limit}
		var o outcome
		f.call("session.execute", object{"sessionId": s.ID, "command": command, "timeoutMs": 30_000}, &o)
		cpu := o.Result.Usage.CPUMs
		if o.Result.Status != "TimeLimitExceeded" || o.Result.ExitCode != nil || cpu != nil && *cpu > limit+late || *o.Result.Usage.WallMs >= 30_000 {
			t.Errorf("a program that %s: %+v", name, o)
		}
	}
}

func endSparesOthers(t *testing.T, _ *Program, f *foreign, s session) {
	other := f.start(s, object{"type": "execute_shell", "commandName": "cat"}, nil)
	for _, line := range []string{"kill -TERM 1; kill -KILL 1; kill -KILL $PPID; exit 1", "kill -KILL 0", "setsid sleep 1000 & exit 1"} {
		// Without control groups $PPID is a supervisor, and the program is
		// killed when it is missed.
		o := f.shell(s, "sh", "-c", line)
		if o.Success || (o.Result.ExitCode == nil) != (o.Result.Signal == "SIGKILL") {
			t.Errorf("%s: %+v", line, o)
		}
	}
	if state := other.listing().State; state != "Running" {
		t.Fatalf("the other execution is %s: %+v", state, other.wait())
	}
	other.write("still here\n")
	other.until("still here\n")
	other.call("execution.input", object{"eof": true}, nil)
	other.wantCode(0)
	// To the kernel the programs of a session are one user's. The session
	// goes on all the same.
	f.shell(s, "sh", "-c", "kill -KILL -1")
	if o := f.shell(s, "echo", "alive"); o.Result.Stdout != "alive\n" {
		t.Errorf("after kill -1: %+v", o)
	}
}
