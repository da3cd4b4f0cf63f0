package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// testCase is one promise.
type testCase struct {
	name string
	run  func(t *testing.T, s *suite)
}

// subjects are the cases by what they are about, each in its own file.
var subjects = []struct {
	name  string
	cases []testCase
}{
	{"Life", lifeCases},
	{"Files", fileCases},
	{"FileErrors", fileErrorCases},
	{"Sharing", sharingCases},
	{"Start", startCases},
	{"Exit", exitCases},
	{"Output", outputCases},
	{"Input", inputCases},
	{"Descriptors", descriptorCases},
	{"Surroundings", surroundingsCases},
	{"Signals", signalCases},
	{"Stop", stopCases},
	{"Tree", treeCases},
	{"Concurrency", concurrencyCases},
	{"Pace", paceCases},
	{"Terminal", terminalCases},
	{"Limits", limitCases},
	{"Charged", chargedCases},
	{"Seen", seenCases},
	{"Room", roomCases},
	{"Apart", apartCases},
	{"Found", foundCases},
	{"Tools", toolCases},
	{"Assign", assignCases},
	{"Late", lateCases},
	{"Handle", handleCases},
	{"Loss", lossCases},
}

// Run runs the suite as subtests SUBJECT/CASE.
func Run(t *testing.T, h Harness) {
	s := &suite{harness: h, programs: h.Programs, rt: h.New(t), all: t}
	if s.programs.Print == nil {
		s.programs = Shell()
	}
	t.Cleanup(func() {
		if err := s.rt.Close(); err != nil {
			t.Errorf("close the runtime: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.rt.Sweep(ctx); err != nil {
		t.Fatalf("sweep: %v", err)
	}
	s.found = s.rt.Probe(ctx)
	Require(t, s.rt.Type(), s.found)
	if s.language = h.Language; s.language == 0 && len(s.found.Languages) > 0 {
		s.language = s.found.Languages[0]
	}
	for _, subject := range subjects {
		cases := h.wanted(subject.name, subject.cases)
		if len(cases) == 0 {
			continue
		}
		t.Run(subject.name, func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					if why := h.Differs[subject.name+"/"+c.name]; why != "" {
						t.Skip("otherwise here: " + why)
					}
					c.run(t, s)
				})
			}
		})
	}
}

// wanted are the cases of a subject to run.
func (h *Harness) wanted(subject string, cases []testCase) []testCase {
	if h.Only == nil || slices.Contains(h.Only, subject) {
		return cases
	}
	var wanted []testCase
	for _, c := range cases {
		if slices.Contains(h.Only, subject+"/"+c.name) {
			wanted = append(wanted, c)
		}
	}
	return wanted
}

// OnDisk are the subjects and cases to run on sessions whose files are on disk.
var OnDisk = []string{
	"Life", "Files", "FileErrors", "Sharing", "Surroundings/HomeAndTmpAreWritable", "Limits/LimitsAreReadBack",
	"Limits/DiskIsLimited", "Apart/SessionsDoNotSeeEachOthersFiles", "Loss",
}

// InGroups are the subjects and cases to run on a runtime with one more kind of
// control groups, or without any: what these have to do with.
var InGroups = []string{
	"Life", "Start", "Exit", "Descriptors", "Signals", "Stop", "Tree", "Concurrency", "Terminal", "Limits", "Charged", "Apart", "Loss",
	"Assign/LimitsCanBeLowered", "Assign/LimitsCanBeRaisedOrNot", "Late",
	"Seen/ProcessorsAreTheSessions", "Seen/ProgramsOfOneSessionShareItsProcessors", "Seen/SessionsGetProcessorsThatAreFree",
	"Seen/TheLimitOfProcessesIsTold", "Seen/ManyThreadsStart", "Seen/ATracerDoesNotHideTheEnd",
}

// Elsewhere are the subjects and cases to run on an engine elsewhere, whose images
// another run has looked into: what the way there has to do with.
var Elsewhere = slices.Concat(InGroups, []string{
	"Files", "FileErrors", "Sharing", "Output", "Input", "Surroundings", "Pace", "Room", "Assign", "Handle",
})

// InGVisor are the subjects to run in gVisor: what a kernel of its own may do in
// another way.
var InGVisor = []string{
	"Life", "Files", "FileErrors", "Sharing", "Start", "Exit", "Output", "Input", "Descriptors", "Surroundings", "Signals", "Stop",
	"Tree", "Concurrency", "Terminal", "Limits", "Apart", "Assign", "Handle", "Loss",
}

// InImage are the subjects to run on a runtime with one more image: what its
// files have to do with.
var InImage = []string{"Life", "Exit", "Surroundings", "Terminal", "Found", "Tools"}

// suite is one run of the suite on one runtime.
type suite struct {
	harness  Harness
	programs Programs
	rt       runtimes.Runtime
	found    runtimes.Availability
	language runtimes.Language
	all      *testing.T // of the whole run

	shared runtimes.Environment
}

// environment is the one that harmless cases share. One that was lost is
// replaced, so that the cases after it say what they have to say.
func (s *suite) environment(t *testing.T) runtimes.Environment {
	t.Helper()
	if s.shared != nil {
		select {
		case <-s.shared.Lost():
			t.Log("an earlier case lost the environment; this is a new one")
		default:
			return s.shared
		}
	}
	s.shared = s.createUntil(t, s.all, nil)
	return s.shared
}

// sessions numbers the sessions of all suites of this process.
var sessions atomic.Int64

// spec is a session with low limits, which programs of the suite reach quickly.
func (s *suite) spec() runtimes.Spec {
	spec := runtimes.Spec{
		Name:     fmt.Sprintf("conformance-%d-%d", os.Getpid(), sessions.Add(1)),
		Language: s.language,
		Limits: runtimes.Limits{
			MemoryBytes: 256 << 20, CPUs: 1, Processes: 64, DiskBytes: 64 << 20, OpenFiles: 256, OutputBytes: 64 << 20,
		},
	}
	if s.harness.Spec != nil {
		s.harness.Spec(&spec)
	}
	return spec
}

// create makes an environment of its own for a case, which is closed after it
// and must leave nothing. edit may be nil.
func (s *suite) create(t testing.TB, edit func(*runtimes.Spec)) runtimes.Environment {
	t.Helper()
	return s.createUntil(t, t, edit)
}

// createUntil makes an environment that lives until the end of another test.
func (s *suite) createUntil(t, end testing.TB, edit func(*runtimes.Spec)) runtimes.Environment {
	t.Helper()
	spec := s.spec()
	if edit != nil {
		edit(&spec)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	env, err := s.rt.Create(ctx, spec)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	end.Cleanup(func() { s.remove(end, env, spec.Name) })
	if err := env.Assign(ctx, runtimes.Assignment{Session: "s-" + spec.Name, Env: ofTheSession}); err != nil {
		t.Fatalf("assign: %v", err)
	}
	return env
}

// ofTheSession are the variables that every environment is assigned.
var ofTheSession = []string{"CONFORMANCE=of the session", "LOGNAME=of-the-session"}

// remove closes everything and looks for what is left.
func (s *suite) remove(t testing.TB, env runtimes.Environment, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := env.Close(ctx); err != nil {
		t.Errorf("close the environment: %v", err)
	}
	if err := env.Workspace().Close(); err != nil {
		t.Errorf("close the workspace: %v", err)
	}
	s.nothingLeft(t, name)
}

// leftoversTime is how long it may take until nothing is left.
const leftoversTime = 5 * time.Second

func (s *suite) nothingLeft(t testing.TB, name string) {
	t.Helper()
	if s.harness.Leftovers == nil {
		return
	}
	left := s.harness.Leftovers(t, name)
	for deadline := time.Now().Add(leftoversTime); len(left) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		left = s.harness.Leftovers(t, name)
	}
	for _, what := range left {
		t.Errorf("left behind: %s", what)
	}
}

// start starts a program whose output is granted back as it comes, and waits
// until it runs or is known not to.
func (s *suite) start(t testing.TB, env runtimes.Environment, cmd runtimes.Command) (runtimes.Process, *recorder) {
	t.Helper()
	return s.startWith(t, env, cmd, newRecorder(t))
}

func (s *suite) startWith(t testing.TB, env runtimes.Environment, cmd runtimes.Command, r *recorder) (runtimes.Process, *recorder) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	process, err := env.Start(ctx, cmd, r)
	if errors.Is(err, runtimes.ErrEnvironmentLost) && env == s.shared {
		s.shared = nil // Lost may follow in a moment
	}
	if err != nil {
		t.Fatalf("start %s: %v", cmd.Name, err)
	}
	r.bind(process)
	select {
	case <-r.started:
	case <-r.done:
	case <-time.After(patience):
		t.Fatalf("no word of %s within %v", cmd.Name, patience)
	}
	return process, r
}

// finished is what a program did.
type finished struct {
	runtimes.Exit
	stdout, stderr, terminal string
}

// run runs a program to its end.
func (s *suite) run(t testing.TB, env runtimes.Environment, cmd runtimes.Command) finished {
	t.Helper()
	_, r := s.start(t, env, cmd)
	exit := r.wait()
	return finished{exit, r.text(runtimes.Stdout), r.text(runtimes.Stderr), r.text(runtimes.Terminal)}
}

// succeeds runs a program that must complete and returns its output.
func (s *suite) succeeds(t testing.TB, env runtimes.Environment, cmd runtimes.Command) string {
	t.Helper()
	did := s.run(t, env, cmd)
	if did.Status != runtimes.Completed {
		t.Errorf("%s %q: %s", cmd.Name, cmd.Args, did)
	}
	return did.stdout
}

// String describes what happened, for messages.
func (f finished) String() string {
	code := "none"
	if f.Code != nil {
		code = fmt.Sprint(*f.Code)
	}
	return fmt.Sprintf("status %v, code %s, signal %q, message %q, stdout %.300q, stderr %.300q",
		f.Status, code, f.Signal, f.Message, f.stdout, f.stderr)
}
