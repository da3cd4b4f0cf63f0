package guestlink

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestbin/guesttest"
)

// pipes is a stream without a socket.
type pipes struct {
	io.Reader
	io.WriteCloser
	close func() error
}

func (p pipes) Close() error { return errors.Join(p.WriteCloser.Close(), p.close()) }

// startPlain starts an agent that is not the first process of anything.
func startPlain(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env, cmd.Dir, cmd.Stderr = []string{}, "/", os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Wait(); err != nil {
			t.Error("the agent ended badly:", err)
		}
	})
}

func TestTheStandardStreamsAreAStream(t *testing.T) {
	cmd := exec.Command(guesttest.Path(t), "-stdio")
	agentIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, agentOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = agentIn, agentOut
	startPlain(t, cmd)
	agentIn.Close()
	agentOut.Close()
	l, err := Open(t.Context(), pipes{out, in, out.Close}, Options{Hello: Hello{Env: []string{testPath}}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, exit := run(t, l, runtimes.Command{Name: "sh", Args: []string{"-c", `cat; ls /proc/self/fd | tr '\n' ' '; echo x >&2`}, Stdin: []byte("in ")})
	if exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != "in 0 1 2 3 " || r.text(runtimes.Stderr) != "x\n" {
		t.Errorf("%+v %q", exit, r.text(runtimes.Stdout))
	}
}

// dialled is a link to an agent that has dialled a socket of ours.
func dialled(t *testing.T) *Link {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	startPlain(t, exec.Command(guesttest.Path(t), "-dial", path))
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), conn, Options{Hello: Hello{Env: []string{testPath}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestTheAgentDialsASocket(t *testing.T) {
	l := dialled(t)
	if _, exit := run(t, l, shell("exit 3")); exit.Code == nil || *exit.Code != 3 {
		t.Errorf("got %+v", exit)
	}
}

func TestAnAgentThatIsNotTheFirstProcessEndsTreesToo(t *testing.T) {
	l := dialled(t)
	if l.Report().PID == 1 {
		t.Fatal("it is")
	}
	// The agent's process id makes the number this test's own.
	line := "sleep 61." + strings.Repeat("1", 1+l.Report().PID%7) + "2"
	if _, exit := run(t, l, shell(`(setsid `+line+` &); exit 0`)); exit.Status != runtimes.Completed {
		t.Errorf("got %+v", exit)
	}
	if n := living(t, l, line); n != 0 {
		t.Errorf("%d are left", n)
	}
	r, _ := start(t, l, shell(`(setsid `+line+` &); echo up; exec `+line))
	r.until(t, runtimes.Stdout, func(s string) bool { return s == "up\n" })
	l.Close()
	r.wait(t)
	waitFor(t, "the end of what ran", func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if text, _ := os.ReadFile(file); strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " ") == line {
				return false
			}
		}
		return true
	})
}
