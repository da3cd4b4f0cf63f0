package guestlink

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestEveryExitCodeArrives(t *testing.T) {
	notShort(t)
	l := open(t, Options{})
	for code := range 256 {
		_, exit := run(t, l, shell("exit "+strconv.Itoa(code)))
		want := runtimes.NonZeroExit
		if code == 0 {
			want = runtimes.Completed
		}
		if exit.Code == nil || *exit.Code != code || exit.Status != want || exit.Signal != "" {
			t.Fatalf("exit %d gives %+v", code, exit)
		}
	}
}

func TestASignalIsNoExitCode(t *testing.T) {
	l := open(t, Options{})
	_, exit := run(t, l, shell("kill -SEGV $$"))
	if exit.Code != nil || exit.Signal != "SIGSEGV" || exit.Status != runtimes.Signalled {
		t.Errorf("got %+v", exit)
	}
}

func TestBothStreamsAreExact(t *testing.T) {
	l := open(t, Options{})
	r, exit := run(t, l, shell(`printf 'a\000\377b'; printf 'c\r\n' >&2`))
	if got := r.text(runtimes.Stdout); got != "a\x00\xffb" {
		t.Errorf("stdout %q", got)
	}
	if got := r.text(runtimes.Stderr); got != "c\r\n" {
		t.Errorf("stderr %q", got)
	}
	if exit.Status != runtimes.Completed {
		t.Errorf("got %+v", exit)
	}
}

func TestMegabytesOnBothStreamsAreExact(t *testing.T) {
	notShort(t)
	l := open(t, Options{})
	script := `i=0; while [ $i -lt 8 ]; do
		head -c 524288 /dev/zero | tr '\0' "$1"; head -c 524288 /dev/zero | tr '\0' "$2" >&2; i=$((i+1)); done`
	r, exit := run(t, l, runtimes.Command{Name: "sh", Args: []string{"-c", script, "sh", `\377`, "e"}})
	if exit.Status != runtimes.Completed {
		t.Fatalf("got %+v", exit)
	}
	for stream, b := range map[runtimes.Stream]byte{runtimes.Stdout: 0xff, runtimes.Stderr: 'e'} {
		if got := r.text(stream); len(got) != 4<<20 || strings.Count(got, string([]byte{b})) != len(got) {
			t.Errorf("%v has %d bytes", stream, len(got))
		}
	}
}

func TestWhatCannotBeStartedSaysWhy(t *testing.T) {
	l := open(t, Options{})
	for _, c := range []struct {
		cmd  runtimes.Command
		want string
	}{
		{runtimes.Command{Name: "no-such-program"}, `there is no program "no-such-program" on the PATH`},
		{runtimes.Command{Name: "/no/such"}, `there is no program "/no/such", or what it is run by is missing`},
		{runtimes.Command{Name: "/etc/passwd"}, `"/etc/passwd" may not be executed`},
		{runtimes.Command{Name: "/tmp"}, `"/tmp" may not be executed`},
		{runtimes.Command{Name: ""}, "the name of the program is empty"},
		{runtimes.Command{Name: "-rf"}, `there is no program "-rf" on the PATH`},
		{runtimes.Command{Name: "true", Dir: "no/such"}, `the working directory "no/such" does not exist`},
		{runtimes.Command{Name: "true", Dir: "etc/passwd"}, `the working directory "etc/passwd" is not a directory`},
		{runtimes.Command{Name: "echo", Args: []string{strings.Repeat("x", 1<<20)}}, "the arguments and the environment are too long"},
		{runtimes.Command{Name: "echo", Args: []string{strings.Repeat("x", 9<<20)}}, "the arguments and the environment are too long"},
		{runtimes.Command{Name: "echo", Args: []string{"a\x00b"}}, "the name, the arguments, the variables and the directory must be text without a zero byte"},
	} {
		_, exit := run(t, l, c.cmd)
		if exit.Status != runtimes.CouldNotStart || exit.Message != c.want || exit.Code != nil {
			t.Errorf("%.20q in %q: %+v", c.cmd.Name, c.cmd.Dir, exit)
		}
	}
	if _, exit := run(t, l, shell("exit 0")); exit.Status != runtimes.Completed {
		t.Errorf("afterwards: %+v", exit)
	}
}

func TestTheProgramGetsItsArgumentsVariablesDirectoryAndNothingElse(t *testing.T) {
	l := open(t, Options{Hello: Hello{Env: []string{testPath, "A=1", "B=1"}, Workspace: "/usr"}})
	cmd := shell(`echo "$1|$A|$B|$C|$PWD"; ls /proc/self/fd`)
	cmd.Args = append(cmd.Args, "sh", "a b\n'")
	cmd.Dir = "lib"
	cmd.Env = []string{"B=2", "C=ü"}
	r, _ := run(t, l, cmd)
	lines := strings.Split(r.text(runtimes.Stdout), "\n")
	if got := strings.Join(lines[:2], "\n"); got != "a b\n'|1|2|ü|/usr/lib" {
		t.Errorf("got %q", got)
	}
	if got := strings.Join(lines[2:6], " "); got != "0 1 2 3" { // 3 is the directory that ls reads
		t.Errorf("descriptors: %s", got)
	}
}

func TestExecutionsRunAtTheSameTime(t *testing.T) {
	l := open(t, Options{})
	const n = 20
	var recorders []*recorder
	var processes []runtimes.Process
	for i := range n {
		cmd := shell(fmt.Sprintf("read x; echo %d $x", i))
		cmd.OpenStdin = true
		r, p := start(t, l, cmd)
		recorders, processes = append(recorders, r), append(processes, p)
	}
	for i := n - 1; i >= 0; i-- {
		processes[i].Input([]byte("go\n"))
		if exit := recorders[i].wait(t); exit.Status != runtimes.Completed {
			t.Errorf("%d: %+v", i, exit)
		}
		if got := recorders[i].text(runtimes.Stdout); got != fmt.Sprintf("%d go\n", i) {
			t.Errorf("%d wrote %q", i, got)
		}
	}
}

func TestAGrandchildThatHoldsThePipeDelaysNothing(t *testing.T) {
	l := open(t, Options{})
	begun := time.Now()
	r, exit := run(t, l, shell(`sleep 30 & (setsid sleep 30 &) ; echo done`))
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != "done\n" {
		t.Errorf("got %+v, %q", exit, r.text(runtimes.Stdout))
	}
}
