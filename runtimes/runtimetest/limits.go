package runtimetest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var limitCases = []testCase{
	{"LimitsAreReadBack", limitsReadBack},
	{"MemoryIsLimited", memoryLimited},
	{"ProcessesAreLimited", processesLimited},
	{"OneProcessIsALimitToo", oneProcess},
	{"DiskIsLimited", diskLimited},
	{"InodesAreLimited", inodesLimited},
	{"OpenFilesAreLimited", openFilesLimited},
	{"OutputIsLimited", outputLimited},
	{"OutputOfOneCommandIsLimited", commandOutputLimited},
	{"MemoryOfOneCommandIsLimited", commandMemoryLimited},
	{"CPUOfOneCommandIsLimited", commandCPULimited},
	{"ProcessesOfOneCommandAreLimited", commandProcessesLimited},
}

// A limit in force is the one asked for, or a tighter one. Zero is the honest
// word for none.
func limitsReadBack(t *testing.T, s *suite) {
	asked, got := s.spec().Limits, s.environment(t).Limits()
	for _, c := range []struct {
		name       string
		got, asked int64
	}{
		{"memory", got.MemoryBytes, asked.MemoryBytes}, {"processes", got.Processes, asked.Processes},
		{"disk", got.DiskBytes, asked.DiskBytes}, {"open files", got.OpenFiles, asked.OpenFiles},
		{"output", got.OutputBytes, asked.OutputBytes}, {"thousandths of a CPU", int64(got.CPUs * 1000), int64(asked.CPUs * 1000)},
	} {
		if c.got < 0 || c.got > c.asked {
			t.Errorf("%s: %d in force, %d asked for", c.name, c.got, c.asked)
		}
		t.Logf("%s: %d", c.name, c.got)
	}
}

// memoryOf is the memory that one process can have.
func memoryOf(l runtimes.Limits) int64 { return max(l.MemoryBytes, l.ProcessMemoryBytes) }

// enforced skips a case for a limit that is zero.
func enforced(t *testing.T, name string, limit int64) {
	t.Helper()
	if limit == 0 {
		t.Skipf("%s: no limit is in force here", name)
	}
}

// littleMemory is soon used up: a machine takes seconds to give programs gigabytes.
func littleMemory(spec *runtimes.Spec) { spec.Limits.MemoryBytes = 128 << 20 }

// hog is a program that fills so much memory in one process.
func (s *suite) hog(t *testing.T, bytes int64) runtimes.Command {
	t.Helper()
	s.shell(t, "")
	return runtimes.Command{Name: "dd", Args: []string{"if=/dev/zero", "of=/dev/null", "bs=" + strconv.FormatInt(bytes, 10), "count=1"}}
}

// overMemory checks the end of a program that wanted too much. Only a cgroup
// can tell that memory was the reason.
func overMemory(t *testing.T, env runtimes.Environment, did finished) {
	t.Helper()
	if env.Isolation().Has(runtimes.CgroupMemory) {
		if did.Status != runtimes.MemoryLimitExceeded {
			t.Error(did)
		}
		return
	}
	if did.Status != runtimes.MemoryLimitExceeded && did.Status != runtimes.NonZeroExit && did.Status != runtimes.Signalled {
		t.Error(did)
	}
}

func memoryLimited(t *testing.T, s *suite) {
	env := s.create(t, littleMemory)
	limit := memoryOf(env.Limits())
	enforced(t, "memory", limit)
	overMemory(t, env, s.run(t, env, s.hog(t, 2*limit)))
	s.succeeds(t, env, s.hog(t, limit/8))
}

func processesLimited(t *testing.T, s *suite) {
	env := s.create(t, nil)
	limit := env.Limits().Processes
	enforced(t, "processes", limit)
	const forks = `i=0; while [ $i -lt "$1" ]; do sleep 1000 & i=$((i+1)); done; echo all`
	did := s.run(t, env, s.shell(t, forks, strconv.FormatInt(2*limit, 10)))
	if strings.Contains(did.stdout, "all") {
		t.Errorf("%d processes under a limit of %d", 2*limit, limit)
	}
	// All of them are gone: half of the limit is free again.
	if did := s.run(t, env, s.shell(t, forks, strconv.FormatInt(limit/2, 10))); did.stdout != "all\n" {
		t.Errorf("afterwards: %s", did)
	}
}

// oneProcess: the agent is not among the processes that a limit counts.
func oneProcess(t *testing.T, s *suite) {
	s.needs(t, ExactProcesses)
	env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.Processes = 1 })
	got := env.Limits().Processes
	enforced(t, "processes", got)
	if got != 1 {
		t.Errorf("the limit in force is %d", got)
	}
	for range 3 { // the end of one makes room for the next
		if did := s.run(t, env, s.shell(t, "echo alone")); did.stdout != "alone\n" || did.Status != runtimes.Completed {
			t.Errorf("one process: %s", did)
		}
		did := s.run(t, env, s.shell(t, "sleep 1000 & echo forked"))
		if strings.Contains(did.stdout, "forked") || did.Status == runtimes.Completed {
			t.Errorf("a second process under a limit of 1: %s", did)
		}
	}
}

func diskLimited(t *testing.T, s *suite) {
	env := s.create(t, nil)
	limit := env.Limits().DiskBytes
	enforced(t, "disk", limit)
	ws := env.Workspace()
	writeFile(t, ws, "kept", "old")
	did := s.run(t, env, s.shell(t, `exec dd if=/dev/zero of=/workspace/big bs=1M count="$1"`, strconv.FormatInt(2*limit>>20, 10)))
	if did.Status == runtimes.Completed {
		t.Errorf("%d bytes were written under a limit of %d", 2*limit, limit)
	}
	for _, mode := range []runtimes.WriteMode{runtimes.Replace, runtimes.Append} {
		_, err := ws.WriteFile(t.Context(), runtimes.WriteFile{Path: "kept", Content: make([]byte, 1<<20), Mode: mode})
		wantCode(t, "write to a full disk", err, runtimes.CodeNoSpace)
	}
	_, err := ws.CopyFile(t.Context(), runtimes.CopyFile{Source: "big", Destination: "copy"})
	wantCode(t, "copy on a full disk", err, runtimes.CodeNoSpace)
	if got := readFile(t, ws, "kept"); got != "old" {
		t.Errorf("a write that failed left %d bytes", len(got))
	}
	found, err := ws.ListDirectory(t.Context(), runtimes.ListDirectory{Path: "."})
	if err != nil || len(found.Entries) != 2 {
		t.Errorf("left: %+v, %v", found.Entries, err)
	}
	wantCode(t, "delete", ws.DeleteFile(t.Context(), runtimes.DeleteFile{Path: "big"}), "")
	writeFile(t, ws, "kept", strings.Repeat("n", 1<<20))
}

func inodesLimited(t *testing.T, s *suite) {
	env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.Inodes = 1000 })
	limit := env.Limits().Inodes
	enforced(t, "inodes", limit)
	if limit > 100_000 {
		t.Skipf("%d inodes are too many to be used up in a test", limit)
	}
	did := s.run(t, env, s.shell(t, `seq 1 "$1" | sed s,^,/workspace/f, | xargs touch`, strconv.FormatInt(limit+10, 10)))
	if did.Status == runtimes.Completed {
		t.Errorf("%d files under a limit of %d", limit+10, limit)
	}
	_, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: "one more", Content: []byte("x")})
	wantCode(t, "one more file", err, runtimes.CodeNoSpace)
}

func openFilesLimited(t *testing.T, s *suite) {
	env := s.environment(t)
	limit := env.Limits().OpenFiles
	enforced(t, "open files", limit)
	got := strings.Fields(s.succeeds(t, env, s.shell(t, `ulimit -Hn; ulimit -Sn`)))
	if len(got) != 2 || got[0] != strconv.FormatInt(limit, 10) || got[1] != got[0] {
		t.Errorf("ulimit says %q, the environment %d", got, limit)
	}
}

func outputLimited(t *testing.T, s *suite) {
	env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.OutputBytes = 1 << 20 })
	limit := env.Limits().OutputBytes
	enforced(t, "output", limit)
	did := s.run(t, env, s.programs.Spill(3<<20, 1<<20))
	if did.Status != runtimes.OutputLimitExceeded || int64(len(did.stdout)+len(did.stderr)) > limit {
		t.Errorf("status %v after %d bytes, the limit is %d", did.Status, len(did.stdout)+len(did.stderr), limit)
	}
	unbounded := s.programs.Spill(3<<20, 0)
	unbounded.Limits.OutputBytes = -1
	if did := s.run(t, env, unbounded); did.Status != runtimes.Completed || len(did.stdout) != 3<<20 {
		t.Errorf("without a limit, %v after %d bytes", did.Status, len(did.stdout))
	}
}

func commandOutputLimited(t *testing.T, s *suite) {
	cmd := s.programs.Spill(1<<20, 0)
	cmd.Limits.OutputBytes = 100_000
	did := s.run(t, s.environment(t), cmd)
	if did.Status != runtimes.OutputLimitExceeded || len(did.stdout) != 100_000 || !did.Cut[runtimes.Stdout-1] {
		t.Errorf("status %v after %d bytes, the limit is 100000", did.Status, len(did.stdout))
	}
}

func commandMemoryLimited(t *testing.T, s *suite) {
	s.needs(t, CommandLimits)
	env := s.environment(t)
	cmd := s.hog(t, 64<<20)
	cmd.Limits.MemoryBytes = 32 << 20
	overMemory(t, env, s.run(t, env, cmd))
	s.succeeds(t, env, s.hog(t, 64<<20))
}

func commandCPULimited(t *testing.T, s *suite) {
	s.needs(t, CommandLimits)
	env := s.environment(t)
	cmd := s.shell(t, `while :; do :; done & while :; do :; done`)
	cmd.Limits.CPU = 300 * time.Millisecond
	did := s.run(t, env, cmd)
	if did.Status != runtimes.TimeLimitExceeded {
		t.Error(did)
	}
	if cpu := did.Usage.CPU; cpu != nil && *cpu > cmd.Limits.CPU+2*stopLimit {
		t.Errorf("%v of CPU were used, the limit is %v", *cpu, cmd.Limits.CPU)
	}
}

func commandProcessesLimited(t *testing.T, s *suite) {
	s.needs(t, CommandLimits)
	env := s.environment(t)
	const forks = `i=0; while [ $i -lt 20 ]; do sleep 1000 & i=$((i+1)); done; echo all`
	cmd := s.shell(t, forks)
	cmd.Limits.Processes = 10
	if did := s.run(t, env, cmd); strings.Contains(did.stdout, "all") {
		t.Error("20 processes under a limit of 10")
	}
	if did := s.run(t, env, s.shell(t, forks)); did.stdout != "all\n" {
		t.Errorf("the next command: %s", did)
	}
}
