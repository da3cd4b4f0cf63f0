package runtimetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Programs express what the suite wants done in commands of a runtime.
type Programs struct {
	// Print writes the two texts, which hold no NUL, and nothing else.
	Print func(stdout, stderr string) runtimes.Command
	// Exit exits with the code.
	Exit func(code int) runtimes.Command
	// Echo copies standard input to standard output until its end.
	Echo func() runtimes.Command
	// Sleep does nothing for that long.
	Sleep func(d time.Duration) runtimes.Command
	// Spill writes so many letters o to standard output, then so many letters
	// e to standard error.
	Spill func(stdout, stderr int) runtimes.Command
	// Stubborn prints "ready" and a newline and ignores all signals that can
	// be ignored, for ever.
	Stubborn func() runtimes.Command
	// Trap prints "ready", then "SIGUSR1" whenever that comes, and "SIGTERM"
	// when that ends it with code 0. Each is a line.
	Trap func() runtimes.Command
	// Environment prints the variables, one a line.
	Environment func() runtimes.Command
	// Directory prints the working directory and a newline.
	Directory func() runtimes.Command
	// ReadFile prints a file, WriteFile replaces one, RemoveFile removes it.
	// Paths are absolute.
	ReadFile   func(path string) runtimes.Command
	WriteFile  func(path, text string) runtimes.Command
	RemoveFile func(path string) runtimes.Command
	// Size prints "COLUMNSxROWS" of its terminal as a line, again after each
	// change, until it is ended.
	Size func() runtimes.Command
	// Relay copies the input of the channel to its output until its end, then
	// prints "done" and a newline.
	Relay func() runtimes.Command
	// SpillChannel writes so many letters c to the channel, then prints "done"
	// and a newline.
	SpillChannel func(n int) runtimes.Command
	// Shell runs a line of sh(1) with the usual tools; nil when there is no
	// shell, which skips what needs one.
	Shell func(line string, args ...string) runtimes.Command
}

// Shell has every program as a line of sh(1) that needs coreutils at most.
func Shell() Programs {
	sh := func(line string, args ...string) runtimes.Command {
		return runtimes.Command{Name: "sh", Args: append([]string{"-c", line, "sh"}, args...)}
	}
	const idle = `while :; do sleep 0.05; done`
	return Programs{
		Print: func(stdout, stderr string) runtimes.Command {
			return sh(`printf %s "$1"; printf %s "$2" >&2`, stdout, stderr)
		},
		Exit:  func(code int) runtimes.Command { return sh(`exit "$1"`, strconv.Itoa(code)) },
		Echo:  func() runtimes.Command { return runtimes.Command{Name: "cat"} },
		Sleep: func(d time.Duration) runtimes.Command { return sh(`exec sleep "$1"`, seconds(d)) },
		Spill: func(stdout, stderr int) runtimes.Command {
			return sh(`head -c "$1" /dev/zero | tr '\0' o; head -c "$2" /dev/zero | tr '\0' e >&2`,
				strconv.Itoa(stdout), strconv.Itoa(stderr))
		},
		Stubborn: func() runtimes.Command { return sh(`trap '' TERM INT HUP QUIT; echo ready; ` + idle) },
		Trap: func() runtimes.Command {
			return sh(`trap 'echo SIGUSR1' USR1; trap 'echo SIGTERM; exit 0' TERM; echo ready; ` + idle)
		},
		Environment: func() runtimes.Command { return runtimes.Command{Name: "env"} },
		Directory:   func() runtimes.Command { return sh("pwd") },
		ReadFile:    func(path string) runtimes.Command { return runtimes.Command{Name: "cat", Args: []string{path}} },
		WriteFile:   func(path, text string) runtimes.Command { return sh(`printf %s "$2" > "$1"`, path, text) },
		RemoveFile:  func(path string) runtimes.Command { return runtimes.Command{Name: "rm", Args: []string{path}} },
		Size: func() runtimes.Command {
			return sh(`p() { set -- $(stty size); echo "$2x$1"; }; trap p WINCH; p; ` + idle)
		},
		Relay: func() runtimes.Command { return sh(`cat <&3 >&4; echo done`) },
		SpillChannel: func(n int) runtimes.Command {
			return sh(`head -c "$1" /dev/zero | tr '\0' c >&4; echo done`, strconv.Itoa(n))
		},
		Shell: sh,
	}
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// shell makes a command of a line, or skips the case.
func (s *suite) shell(t testing.TB, line string, args ...string) runtimes.Command {
	t.Helper()
	if s.programs.Shell == nil {
		t.Skip("the runtime's programs have no shell")
	}
	return s.programs.Shell(line, args...)
}
