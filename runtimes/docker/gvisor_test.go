package docker

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// requireGVisor skips a test where the engine has no gVisor that works.
func requireGVisor(t testing.TB) {
	t.Helper()
	requireEngine(t, runtimes.Python)
	e, err := newEngine("", defaultDeadlines)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	info, err := e.info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, listed := info.Runtimes[gvisorRuntime]; !listed {
		t.Skip("there is no gVisor on this engine: `make gvisor` adds it")
	}
}

// gvisorDiffers is what docs/runtimes.md lists.
var gvisorDiffers = map[string]string{
	"FileErrors/NothingButRegularFilesIsRead":   "gVisor keeps FIFOs to itself",
	"Limits/DiskIsLimited":                      "the room of a file that a file command deletes is not there at once: TestInGVisorTheRoomOfADeletedFileComesBack",
	"Surroundings/SignalsAreAsAtTheStart":       "its /proc/PID/status has no masks of signals",
	"Tree/AProgramCannotEndItsBetters":          "a program may kill the agent: its environment is lost then",
	"Terminal/ControlCEndsTheJobAndNotItsShell": "control-C does not reach the job of an interactive shell",
	"Assign/LimitsCanBeLowered":                 "memory and processors are limited when it starts, and not again",
	"Limits/MemoryIsLimited":                    "over the limit the kernel ends gVisor whole: the environment is lost",
}

func TestASessionThatPrefersSecurityIsInGVisor(t *testing.T) {
	requireGVisor(t)
	r := newRealRuntime(t, nil)
	found := r.Probe(t.Context())
	if !slices.Contains(found.Strongest.Layers, runtimes.GVisor) || found.Strongest.Score != 10 && found.Isolation.Score == 9 || found.Advice != "" {
		t.Errorf("the probe found %+v and advises %q", found.Strongest, found.Advice)
	}
	for strongest, spec := range map[bool]runtimes.Spec{
		true: {Strongest: true}, false: {},
	} {
		spec.Language = runtimes.Python
		env := newEnvironment(t, r, spec)
		if env.isolation.Has(runtimes.GVisor) != strongest {
			t.Errorf("with Strongest %v the layers are %v", strongest, env.isolation.Layers)
		}
		info, err := r.engine.info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, kernel := execute(t, env, "uname", "-r")
		if own := strings.TrimSpace(kernel) != info.KernelVersion; own != strongest {
			t.Errorf("with Strongest %v a program sees the kernel %q, that of the host is %q", strongest, kernel, info.KernelVersion)
		}
		put(t, env, "by-the-server", "from the server")
		if _, output := execute(t, env, "sh", "-c", "cat by-the-server && echo from the program > by-the-program"); output != "from the server" {
			t.Errorf("with Strongest %v a program reads %q", strongest, output)
		}
		content, err := env.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: "by-the-program"})
		if err != nil || string(content.Content) != "from the program\n" {
			t.Errorf("with Strongest %v the server reads %q (%v)", strongest, content.Content, err)
		}
	}
}

func TestInGVisorMemoryBeyondTheLimitLosesTheEnvironmentAndNoFile(t *testing.T) {
	requireGVisor(t)
	r := newRealRuntime(t, nil)
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python, Strongest: true})
	put(t, env, "kept.txt", "kept")
	exit, _ := execute(t, env, "python3", "-c", "b = bytearray(10**9)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('filled')")
	if exit.Status != runtimes.EnvironmentLost {
		t.Errorf("it ended %+v", exit)
	}
	content, err := env.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: "kept.txt"})
	if err != nil || string(content.Content) != "kept" {
		t.Errorf("the file holds %q (%v)", content.Content, err)
	}
}

// gVisor keeps files open that programs have used. It lets a deleted one go when
// a program looks for it.
func TestInGVisorTheRoomOfADeletedFileComesBack(t *testing.T) {
	requireGVisor(t)
	r := newRealRuntime(t, nil)
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python, Strongest: true})
	if limit := env.Limits().DiskBytes; limit == 0 {
		t.Skip("no limit of the disk here")
	}
	if exit, _ := execute(t, env, "dd", "if=/dev/zero", "of=/workspace/big", "bs=1M"); exit.Status != runtimes.NonZeroExit {
		t.Fatalf("what filled the disk ended %+v", exit)
	}
	if err := env.Workspace().DeleteFile(t.Context(), runtimes.DeleteFile{Path: "big"}); err != nil {
		t.Fatal(err)
	}
	execute(t, env, "ls", "/workspace/big")
	_, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: "next", Content: make([]byte, 1<<20)})
	if err != nil {
		t.Errorf("the disk is as full as before: %v", err)
	}
}

// An engine that lists no runsc is no worse for it.
func TestWithoutGVisorTheStrongestIsTheUsual(t *testing.T) {
	r := newFakeRuntime(t, newDaemon(t), nil)
	trial := r.gvisorFor(t.Context(), runtimes.Python)
	if !trial.done || trial.isolation.Score != 0 || !strings.Contains(trial.advice, "make gvisor") {
		t.Errorf("the trial is %+v", trial)
	}
	spec := python
	spec.Strongest = true
	env, err := r.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTrial(context.Background(), env)
	if env.Isolation().Has(runtimes.GVisor) {
		t.Errorf("the layers are %v", env.Isolation().Layers)
	}
}

// BenchmarkGVisor is what gVisor costs, beside the engine's usual runtime.
func BenchmarkGVisor(b *testing.B) {
	requireGVisor(b)
	r := newRealRuntime(b, nil)
	for _, c := range []struct {
		name      string
		strongest bool
	}{{"usual", false}, {"gvisor", true}} {
		spec := runtimes.Spec{Language: runtimes.Python, Limits: trialLimits, Strongest: c.strongest}
		r.gvisorFor(b.Context(), runtimes.Python)
		measure := func(name string, do func()) {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					do()
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
			})
		}
		var env runtimes.Environment
		var made []runtimes.Environment
		measure("create", func() {
			var err error
			if env, err = r.Create(b.Context(), spec); err != nil {
				b.Fatal(err)
			}
			made = append(made, env)
		})
		for name, cmd := range map[string]runtimes.Command{
			"true": {Name: "true"}, "hello": {Name: "python3", Args: []string{"-c", "print('hello')"}},
		} {
			measure(name, func() {
				if exit, _, err := run(b.Context(), env, cmd); err != nil || exit.Status != runtimes.Completed {
					b.Fatal(exit, err)
				}
			})
		}
		for _, env := range made {
			closeTrial(b.Context(), env)
		}
	}
}
