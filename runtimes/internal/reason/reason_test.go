package reason_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

func TestALineIsOneBoundedAndPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		" a\tb\r\n\x1b[2Kc\x00 ":      "a b [2Kc",
		"\xff\u202eä":                 "? ä",
		strings.Repeat("ä", 20):       strings.Repeat("ä", 8) + "…",
		"12345678901234567890":        "12345678901234567890",
		"12345678901234567 901234567": "12345678901234567…",
	} {
		if got := reason.Line(text, 20); got != want || len(got) > 20 {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestTheLastLineIsTheOneThatSaysSomething(t *testing.T) {
	said := "Traceback (most recent call last):\n  File \"<string>\", line 2\n\x1b[31mModuleNotFoundError: No module named 'json'\x1b[0m\r\n\n \n"
	if got := reason.LastLine(said, 100); got != "ModuleNotFoundError: No module named 'json'" {
		t.Errorf("got %q", got)
	}
	if got := reason.LastLine("\n\r\n", 100); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

func TestPathsAreLeftAway(t *testing.T) {
	for text, want := range map[string]string{
		"open /var/lib/x: no":              "open …: no",
		`bind source path "/srv/a" does`:   `bind source path "…" does`,
		"a/b and 1/2 stay, /dev/null does": "a/b and 1/2 stay, … does",
		"GET http://x/y":                   "GET http://x/y",
	} {
		if got := reason.WithoutPaths(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestWhatAProgramOfTheHostDidIsTold(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	script := func(text string) string {
		path := filepath.Join(dir, "tool")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(path string) string {
		_, err := exec.Command(path).Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return reason.Run(err, string(exit.Stderr))
		}
		return reason.Run(err, "")
	}
	for _, c := range []struct{ text, want string }{
		{"#!/bin/sh\necho one >&2; echo two >&2; exit 7\n", `it ended with exit code 7 and said "two"`},
		{"#!/bin/sh\nkill -ILL $$\n", "it was killed by SIGILL (this processor"},
		{"#!/nonexistent\n", "it could not be started: the loader or interpreter"},
		{"\x7fELF\x02\x01\x01", "it could not be started: it was built for another kind of processor"},
	} {
		if got := run(script(c.text)); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q gives %q", c.text, got)
		}
	}
	if got := reason.Run(fmt.Errorf("%w: %w", context.DeadlineExceeded, errors.New("killed")), ""); got != "it did not answer in time" {
		t.Errorf("late: %q", got)
	}
}

func TestEveryEndOfAProgramIsTold(t *testing.T) {
	code := 3
	for status := runtimes.Completed; status.String() != ""; status++ {
		got := reason.Exit(runtimes.Exit{Status: status, Code: &code, Signal: "SIGSEGV", Message: "no\nsuch file: /srv/x"}, "bad\nworse\x07\n")
		if !strings.HasPrefix(got, "it ") || strings.ContainsAny(got, "\n\x07") || strings.Contains(got, "/srv") {
			t.Errorf("%v: %q", status, got)
		}
	}
}

func TestWhatAHostRefusesIsASentence(t *testing.T) {
	for errno := syscall.Errno(1); errno < 134; errno++ {
		for _, err := range []error{
			fmt.Errorf("mount tmpfs: %w", errno), &fs.PathError{Op: "mkdir", Path: "/srv/secret/" + strings.Repeat("x", 400), Err: errno},
		} {
			for _, sentence := range []string{reason.Workspace(err), reason.Relay(err)} {
				reasontest.Check(t, sentence)
				if strings.Contains(sentence, "secret") {
					t.Errorf("a path of the server: %q", sentence)
				}
			}
		}
	}
	for _, err := range []error{workspace.ErrNoUID, workspace.ErrExists, errors.New(strings.Repeat("long\n", 200))} {
		reasontest.Check(t, reason.Workspace(fmt.Errorf("x: %w", err)))
		reasontest.Check(t, reason.Relay(err))
	}
	reasontest.Check(t, reason.NoTunnel)
}
