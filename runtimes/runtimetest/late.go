package runtimetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// What an environment is assigned makes it one that was made for the session.
var lateCases = []testCase{
	{"WithOtherLimitsItIsAsOneMadeWithThem", assignedAsMade},
	{"ProgramsThatRunHaveThemToo", runningProgramsAssigned},
	{"WhatCannotBeHadChangesNothingNorDoItsOwnLimits", refusedChangesNothing},
}

// surroundingsLine prints what a program can find of its limits.
const surroundingsLine = `df -k /workspace "$HOME" /tmp /dev/shm | awk 'NR > 1 { print $6, $2 }'
for l in d f n s; do echo "ulimit $l $(ulimit -$l)"; done
echo "$(nproc) processors, $(grep -c ^processor /proc/cpuinfo) in cpuinfo, $(grep -c '^cpu[0-9]' /proc/stat) in stat"
cat /sys/devices/system/cpu/online 2>/dev/null
env | grep -v -e ^HOSTNAME= -e ^_= | sort`

// otherLimits are assigned to environments that were made with those of spec.
var otherLimits = []struct {
	name   string
	raised bool
	// onDisk may be refused by any runtime: files move nowhere.
	onDisk bool
	limits runtimes.Limits
}{
	// Of so little memory the files get less than the disk that was asked for.
	{"lower", false, false, runtimes.Limits{MemoryBytes: 96 << 20, CPUs: 0.5, Processes: 32, OutputBytes: 1 << 20}},
	{"raised", true, false, runtimes.Limits{MemoryBytes: 512 << 20, CPUs: 2, Processes: 128, DiskBytes: 200 << 20, OutputBytes: 8 << 20}},
	{"more on disk", true, true, runtimes.Limits{DiskBytes: 192 << 20}},
}

func assignedAsMade(t *testing.T, s *suite) {
	_, notRaised := s.harness.Lacks[RaisedLate]
	for _, other := range otherLimits {
		t.Run(other.name, func(t *testing.T) {
			if other.onDisk {
				s.needs(t, RoomOnDisk)
			}
			env := s.unassigned(t)
			limits := s.spec().Limits
			limits.OpenFiles = 0
			for _, l := range []struct{ to, from *int64 }{
				{&limits.MemoryBytes, &other.limits.MemoryBytes}, {&limits.Processes, &other.limits.Processes},
				{&limits.DiskBytes, &other.limits.DiskBytes}, {&limits.OutputBytes, &other.limits.OutputBytes},
			} {
				if *l.from != 0 {
					*l.to = *l.from
				}
			}
			if other.limits.CPUs != 0 {
				limits.CPUs = other.limits.CPUs
			}
			was := env.Limits()
			err := env.Assign(t.Context(), runtimes.Assignment{Session: "late", Limits: limits, DiskAsked: other.onDisk, Env: ofTheSession})
			if errors.Is(err, runtimes.ErrCannotAssign) && (other.raised && notRaised || other.onDisk) {
				if now := env.Limits(); now != was {
					t.Errorf("refused, and the limits were %+v and are %+v", was, now)
				}
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			made := s.create(t, func(spec *runtimes.Spec) {
				limits.OpenFiles = spec.Limits.OpenFiles
				spec.Limits, spec.DiskAsked = limits, other.onDisk
			})
			now, want := env.Limits(), made.Limits()
			found := strings.Split(s.succeeds(t, env, s.shell(t, surroundingsLine)), "\n")
			finds := strings.Split(s.succeeds(t, made, s.shell(t, surroundingsLine)), "\n")
			if notRaised { // nor are places made smaller
				for _, l := range []*runtimes.Limits{&now, &want} {
					l.HomeBytes, l.TemporaryBytes, l.SharedMemoryBytes = 0, 0, 0
				}
				place := func(line string) bool { return strings.HasPrefix(line, "/") || strings.HasPrefix(line, "ulimit f") }
				found, finds = slices.DeleteFunc(found, place), slices.DeleteFunc(finds, place)
			}
			if now != want {
				t.Errorf("the limits are %+v, and %+v of one that was made so", now, want)
			}
			if !slices.Equal(found, finds) {
				t.Errorf("programs find\n%s\nand in one that was made so\n%s", strings.Join(found, "\n"), strings.Join(finds, "\n"))
			}
		})
	}
}

// waiting fills so much memory once it has a number as input and as many processors.
func (s *suite) waiting(t *testing.T, bytes int64) runtimes.Command {
	cmd := s.shell(t, fmt.Sprintf(`echo ready; read n; until [ $(nproc) -eq $n ]; do sleep 0.01; done
exec dd if=/dev/zero of=/dev/null bs=%d count=1`, bytes))
	cmd.OpenStdin = true
	return cmd
}

func runningProgramsAssigned(t *testing.T, s *suite) {
	for _, raised := range []bool{false, true} {
		name := map[bool]string{false: "lower", true: "raised"}[raised]
		t.Run(name, func(t *testing.T) {
			if raised {
				s.needs(t, RaisedLate)
			}
			made, lower := int64(128<<20), int64(96<<20)
			if s.found.Isolation.Has(runtimes.CgroupMemory) { // which does not count what is only reserved
				made, lower = 48<<20, 32<<20
			}
			env := s.unassigned(t, func(spec *runtimes.Spec) { spec.Limits.MemoryBytes = made })
			had := memoryOf(env.Limits())
			enforced(t, "memory", had)
			ask, wanted := runtimes.Limits{MemoryBytes: lower}, had-8<<20
			if raised {
				ask, wanted = runtimes.Limits{MemoryBytes: made + 32<<20, CPUs: 2}, had+8<<20
			}
			p, r := s.start(t, env, s.waiting(t, wanted))
			r.untilText(runtimes.Stdout, "ready\n")
			writeFile(t, env.Workspace(), "before", "kept")
			if err := env.Assign(t.Context(), runtimes.Assignment{Session: "late", Limits: ask}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Input([]byte(s.succeeds(t, env, s.shell(t, "nproc")))); err != nil {
				t.Fatal(err)
			}
			did := finished{r.wait(), r.text(runtimes.Stdout), r.text(runtimes.Stderr), ""}
			if raised && did.Status != runtimes.Completed {
				t.Errorf("%d bytes of %d: %s", wanted, ask.MemoryBytes, did)
			} else if !raised {
				overMemory(t, env, did)
			}
			if got := readFile(t, env.Workspace(), "before"); got != "kept" {
				t.Errorf("a file has become %q", got)
			}
		})
	}
}

func refusedChangesNothing(t *testing.T, s *suite) {
	env := s.unassigned(t)
	was := env.Limits()
	enforced(t, "open files", was.OpenFiles)
	found := s.succeeds(t, env, s.shell(t, surroundingsLine))
	p, r := s.start(t, env, s.waiting(t, 1<<20))
	defer p.Stop(runtimes.Signalled)
	lower := runtimes.Limits{MemoryBytes: 96 << 20, CPUs: 0.5, Processes: 32, DiskBytes: 16 << 20}
	lower.OpenFiles = 2 * was.OpenFiles // which nobody can raise
	err := env.Assign(t.Context(), runtimes.Assignment{Session: "late", Limits: lower, Env: ofTheSession})
	if !errors.Is(err, runtimes.ErrCannotAssign) {
		t.Fatal(err)
	}
	if now := env.Limits(); now != was {
		t.Errorf("the limits were %+v and are %+v", was, now)
	}
	if got := s.succeeds(t, env, s.programs.Environment()); strings.Contains(got, ofTheSession[0]) {
		t.Errorf("the variables are there: %q", got)
	}
	if now := s.succeeds(t, env, s.shell(t, surroundingsLine)); now != found {
		t.Errorf("programs found\n%s\nand find\n%s", found, now)
	}
	if r.exited() {
		t.Error("a program that ran has ended")
	}
	spec := s.spec()
	own := runtimes.Assignment{Session: "other", Limits: spec.Limits, DiskAsked: spec.DiskAsked, Env: ofTheSession}
	if err := env.Assign(t.Context(), own); err != nil {
		t.Errorf("and cannot be given to anyone: %v", err)
	}
	was.OutputBytes = spec.Limits.OutputBytes // which is another one than it was made with
	if now := env.Limits(); now != was {
		t.Errorf("of its own limits %+v became %+v", was, now)
	}
	if got := s.succeeds(t, env, s.programs.Environment()); !strings.Contains(got, ofTheSession[0]) {
		t.Errorf("%q", got)
	}
}
