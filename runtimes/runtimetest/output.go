package runtimetest

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var outputCases = []testCase{
	{"BothStreamsAreExact", bothStreams},
	{"BinaryIsExact", binaryOutput},
	{"TheLastBytesArrive", lastBytes},
	{"MegabytesAreExact", megabytes},
	{"OutputComesWhileTheProgramRuns", outputComesEarly},
}

func bothStreams(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, c := range [][2]string{{"", ""}, {"out", ""}, {"", "err"}, {"two\nlines", "and\ttwo\n"}, {"ä€😀", "\x1b[31m"}} {
		did := s.run(t, env, s.programs.Print(c[0], c[1]))
		if did.stdout != c[0] || did.stderr != c[1] || did.terminal != "" || did.Status != runtimes.Completed {
			t.Errorf("want %q and %q: %s", c[0], c[1], did)
		}
	}
}

// allBytes holds every byte, so that nothing in between may take it for text.
func allBytes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte(byte(i*7 + i/256))
	}
	return b.String()
}

func binaryOutput(t *testing.T, s *suite) {
	env := s.environment(t)
	binary := allBytes(100_000)
	cmd := s.programs.Echo()
	cmd.Stdin = []byte(binary)
	if got := s.succeeds(t, env, cmd); got != binary {
		t.Errorf("stdout: %d bytes came back changed", len(got))
	}
	if s.programs.Shell == nil {
		return
	}
	cmd = s.shell(t, "exec cat >&2")
	cmd.Stdin = []byte(binary)
	if did := s.run(t, env, cmd); did.stderr != binary || did.stdout != "" {
		t.Errorf("stderr: %d bytes came back changed", len(did.stderr))
	}
}

// The end of a program must not overtake its output.
func lastBytes(t *testing.T, s *suite) {
	env := s.environment(t)
	for range 30 {
		if did := s.run(t, env, s.programs.Spill(50_000, 1)); len(did.stdout) != 50_000 || did.stderr != "e" {
			t.Fatalf("%d and %d bytes came of 50000 and 1", len(did.stdout), len(did.stderr))
		}
	}
}

func megabytes(t *testing.T, s *suite) {
	env := s.environment(t)
	const size = 5 << 20
	did := s.run(t, env, s.programs.Spill(size, 1<<20))
	if did.Status != runtimes.Completed {
		t.Errorf("status %v", did.Status)
	}
	if did.stdout != strings.Repeat("o", size) || did.stderr != strings.Repeat("e", 1<<20) {
		t.Errorf("%d and %d bytes came", len(did.stdout), len(did.stderr))
	}
}

func outputComesEarly(t *testing.T, s *suite) {
	env := s.environment(t)
	process, r := s.start(t, env, s.programs.Stubborn())
	r.untilText(runtimes.Stdout, "ready\n")
	if r.exited() {
		t.Error("it had ended already")
	}
	process.Signal(runtimes.SIGKILL)
	r.wait()
}
