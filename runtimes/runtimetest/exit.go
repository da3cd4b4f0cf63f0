package runtimetest

import (
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

var exitCases = []testCase{
	{"AnExitCodeIsTheKernels", exitCodes},
	{"ASignalIsNoExitCode", killsItself},
	{"WhatIsNotThereCouldNotStart", couldNotStart},
	{"UsageIsMeasured", usage},
}

func exitCodes(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, code := range []int{0, 1, 7, 126, 127, 137, 255} {
		did := s.run(t, env, s.programs.Exit(code))
		want := runtimes.NonZeroExit
		if code == 0 {
			want = runtimes.Completed
		}
		if did.Status != want || did.Code == nil || *did.Code != code || did.Signal != "" {
			t.Errorf("exit %d: %s", code, did)
		}
	}
}

func killsItself(t *testing.T, s *suite) {
	env := s.environment(t)
	for _, signal := range []string{"KILL", "TERM", "SEGV"} {
		did := s.run(t, env, s.shell(t, `printf before; kill -s "$1" $$; sleep 10`, signal))
		if did.Status != runtimes.Signalled || did.Code != nil || did.Signal != "SIG"+signal || did.stdout != "before" {
			t.Errorf("kill -s %s: %s", signal, did)
		}
	}
}

func couldNotStart(t *testing.T, s *suite) {
	env := s.environment(t)
	here := s.programs.Print("x", "")
	here.Dir = "no/such"
	for what, cmd := range map[string]runtimes.Command{
		"an unknown name":               {Name: "no-such-program-anywhere"},
		"an unknown path":               {Name: "/workspace/no/such"},
		"a working directory not there": here,
	} {
		did := s.run(t, env, cmd)
		if did.Status != runtimes.CouldNotStart || did.Code != nil || did.Signal != "" || did.Message == "" || did.stdout != "" {
			t.Errorf("%s: %s", what, did)
		}
	}
}

func usage(t *testing.T, s *suite) {
	env := s.environment(t)
	did := s.run(t, env, s.programs.Sleep(200*time.Millisecond))
	if did.Usage.Wall < 200*time.Millisecond || did.Usage.Wall > patience {
		t.Errorf("a sleep of 200 ms took %v", did.Usage.Wall)
	}
	if cpu := did.Usage.CPU; cpu != nil && *cpu > did.Usage.Wall {
		t.Errorf("a sleep used %v of CPU in %v", *cpu, did.Usage.Wall)
	}
	if s.programs.Shell == nil {
		return
	}
	did = s.run(t, env, s.shell(t, `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done`))
	if cpu := did.Usage.CPU; cpu != nil && *cpu <= 0 {
		t.Errorf("a busy loop used %v of CPU", *cpu)
	}
	if peak := did.Usage.PeakMemory; peak != nil && (*peak <= 0 || *peak > 1<<30) {
		t.Errorf("a shell peaked at %d bytes", *peak)
	}
	// sort holds its only line, of 32 MiB.
	did = s.run(t, env, s.shell(t, `head -c 33554432 /dev/zero | tr '\0' x | sort > /dev/null`))
	if peak := did.Usage.PeakMemory; did.Status != runtimes.Completed || peak != nil && (*peak < 32<<20 || *peak > 160<<20) {
		t.Errorf("a program that holds 32 MiB: %s, peak %v", did, peak)
	}
}
