package fake_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// fault is a promise broken, and the case of the suite that must notice.
type fault struct {
	noticedBy string
	sink      func(runtimes.Sink) runtimes.Sink           // nil keeps it
	command   func(runtimes.Command) runtimes.Command     // nil keeps it
	process   func(runtimes.Process) runtimes.Process     // nil keeps it
	spec      func(runtimes.Spec) runtimes.Spec           // nil keeps it
	limits    func(runtimes.Limits) runtimes.Limits       // nil keeps them
	workspace func(runtimes.Workspace) runtimes.Workspace // nil keeps it
}

var faults = map[string]fault{
	"invents exit codes": {noticedBy: "Signals/EachSignalArrives", sink: func(s runtimes.Sink) runtimes.Sink {
		return &changed{Sink: s, exit: func(e runtimes.Exit) runtimes.Exit {
			if e.Code == nil {
				e.Code = new(int)
			}
			return e
		}}
	}},
	"loses the last byte": {noticedBy: "Output/BothStreamsAreExact", sink: func(s runtimes.Sink) runtimes.Sink {
		return &changed{Sink: s, output: func(p []byte) []byte { return p[:max(0, len(p)-1)] }}
	}},
	"takes output for text": {noticedBy: "Output/BinaryIsExact", sink: func(s runtimes.Sink) runtimes.Sink {
		return &changed{Sink: s, output: func(p []byte) []byte { return []byte(strings.ToValidUTF8(string(p), "?")) }}
	}},
	"tells the exit twice": {noticedBy: "Exit/AnExitCodeIsTheKernels", sink: func(s runtimes.Sink) runtimes.Sink {
		return &changed{Sink: s, twice: true}
	}},
	"loses input": {noticedBy: "Input/StdinIsReadWhole", command: func(c runtimes.Command) runtimes.Command {
		c.Stdin = nil
		return c
	}},
	"leaves the input open": {noticedBy: "Input/InputIsRefusedAtTheRightTime", command: func(c runtimes.Command) runtimes.Command {
		c.OpenStdin = true
		return c
	}},
	"ignores the working directory": {noticedBy: "Surroundings/TheWorkingDirectoryIsTheWorkspace", command: func(c runtimes.Command) runtimes.Command {
		c.Dir = ""
		return c
	}},
	"ignores variables": {noticedBy: "Surroundings/VariablesAreThoseOfSessionAndCommand", command: func(c runtimes.Command) runtimes.Command {
		c.Env = nil
		return c
	}},
	"grants by itself": {noticedBy: "Pace/WithoutGrantsTheWindowIsAll", process: func(p runtimes.Process) runtimes.Process {
		p.Grant(1 << 20)
		return p
	}},
	"stops for one reason only": {noticedBy: "Stop/TheFirstReasonCounts", process: func(p runtimes.Process) runtimes.Process {
		return timeOnly{p}
	}},
	"forgets the workspace": {noticedBy: "Loss/AReplacementHasTheFiles", spec: func(s runtimes.Spec) runtimes.Spec {
		s.Workspace = nil
		return s
	}},
	"claims more than was asked": {noticedBy: "Limits/LimitsAreReadBack", limits: func(l runtimes.Limits) runtimes.Limits {
		l.MemoryBytes = 1 << 40
		return l
	}},
	"ignores the output limit": {noticedBy: "Limits/OutputOfOneCommandIsLimited", command: func(c runtimes.Command) runtimes.Command {
		c.Limits.OutputBytes = 0
		return c
	}},
	"never overwrites": {noticedBy: "Files/WritesReplaceOrAppend", workspace: func(w runtimes.Workspace) runtimes.Workspace {
		return appending{w}
	}},
	"leaves files behind": {noticedBy: "Life/CreateAndCloseLeaveNothing", workspace: func(w runtimes.Workspace) runtimes.Workspace {
		return kept{w}
	}},
}

// faultVariable tells the test binary, run again, which fault to have.
const faultVariable = "FAKE_FAULT"

func TestTheSuiteNoticesABrokenPromise(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFaulty$/^"+strings.ReplaceAll(f.noticedBy, "/", "$/^")+"$")
			again.Env = append(os.Environ(), faultVariable+"="+name)
			output, err := again.CombinedOutput()
			subject, _, _ := strings.Cut(f.noticedBy, "/") // a case that has ended meanwhile fails its subject
			if err == nil || !strings.Contains(string(output), "--- FAIL: TestFaulty/"+subject) {
				t.Errorf("%s did not notice (%v):\n%s", f.noticedBy, err, output)
			}
		})
	}
}

// TestFaulty is run by the test above, in a process of its own.
func TestFaulty(t *testing.T) {
	f, ok := faults[os.Getenv(faultVariable)]
	if !ok {
		t.Skip("only as a part of TestTheSuiteNoticesABrokenPromise")
	}
	h := harness(t.TempDir())
	sound := h.New
	h.New = func(t testing.TB) runtimes.Runtime { return &faulty{sound(t), f} }
	h.KillOutside = func(_ testing.TB, env runtimes.Environment) {
		env.(*faultyEnvironment).Environment.(*fake.Environment).Kill()
	}
	runtimetest.Run(t, h)
}

// faulty is a runtime with a fault.
type faulty struct {
	runtimes.Runtime
	fault fault
}

func (r *faulty) Create(ctx context.Context, spec runtimes.Spec) (runtimes.Environment, error) {
	if r.fault.spec != nil {
		spec = r.fault.spec(spec)
	}
	env, err := r.Runtime.Create(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &faultyEnvironment{env, r.fault}, nil
}

type faultyEnvironment struct {
	runtimes.Environment
	fault fault
}

func (e *faultyEnvironment) Limits() runtimes.Limits {
	if e.fault.limits != nil {
		return e.fault.limits(e.Environment.Limits())
	}
	return e.Environment.Limits()
}

func (e *faultyEnvironment) Workspace() runtimes.Workspace {
	if e.fault.workspace != nil {
		return e.fault.workspace(e.Environment.Workspace())
	}
	return e.Environment.Workspace()
}

func (e *faultyEnvironment) Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error) {
	if e.fault.sink != nil {
		sink = e.fault.sink(sink)
	}
	if e.fault.command != nil {
		cmd = e.fault.command(cmd)
	}
	p, err := e.Environment.Start(ctx, cmd, sink)
	if err == nil && e.fault.process != nil {
		p = e.fault.process(p)
	}
	return p, err
}

// changed is a Sink that is told something else.
type changed struct {
	runtimes.Sink
	output func([]byte) []byte
	exit   func(runtimes.Exit) runtimes.Exit
	twice  bool
}

func (c *changed) Output(stream runtimes.Stream, p []byte) {
	if c.output != nil {
		p = c.output(p)
	}
	c.Sink.Output(stream, p)
}

func (c *changed) Exited(exit runtimes.Exit) {
	if c.exit != nil {
		exit = c.exit(exit)
	}
	if c.twice {
		defer func() { _ = recover() }() // the suite may close something twice
		c.Sink.Exited(exit)
	}
	c.Sink.Exited(exit)
}

// timeOnly knows one reason of Stop.
type timeOnly struct{ runtimes.Process }

func (p timeOnly) Stop(runtimes.Status) { p.Process.Stop(runtimes.TimeLimitExceeded) }

// appending takes every write for an Append.
type appending struct{ runtimes.Workspace }

func (a appending) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	cmd.Mode = runtimes.Append
	return a.Workspace.WriteFile(ctx, cmd)
}

// kept is a workspace that Close does not remove.
type kept struct{ runtimes.Workspace }

func (kept) Close() error { return nil }
