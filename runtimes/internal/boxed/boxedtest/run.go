package boxedtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// Result is what a program did.
type Result struct {
	Stdout, Stderr string
	runtimes.Exit
}

// Recorder is a sink that keeps everything. The zero value is not ready; see
// NewRecorder.
type Recorder struct {
	mu             sync.Mutex
	stdout, stderr []byte
	process        runtimes.Process
	pending        int
	started        chan struct{} // closed by Started
	exited         chan runtimes.Exit
}

// NewRecorder returns an empty recorder.
func NewRecorder() *Recorder {
	return &Recorder{started: make(chan struct{}), exited: make(chan runtimes.Exit, 1)}
}

// Started notes that the program runs.
func (r *Recorder) Started() { close(r.started) }

// Output keeps p and grants it back.
func (r *Recorder) Output(stream runtimes.Stream, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if stream == runtimes.Stderr {
		r.stderr = append(r.stderr, p...)
	} else {
		r.stdout = append(r.stdout, p...)
	}
	if r.process == nil {
		r.pending += len(p)
		return
	}
	r.process.Grant(len(p))
}

// InputReady does nothing.
func (r *Recorder) InputReady() {}

// Exited keeps the exit.
func (r *Recorder) Exited(exit runtimes.Exit) { r.exited <- exit }

// Follow grants what came before the process was known, and from then on.
func (r *Recorder) Follow(process runtimes.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process = process
	process.Grant(r.pending)
	r.pending = 0
}

// Stdout returns what came so far.
func (r *Recorder) Stdout() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.stdout)
}

// Wait waits for the exit, for a minute at most.
func (r *Recorder) Wait(t testing.TB) Result {
	t.Helper()
	select {
	case exit := <-r.exited:
		r.mu.Lock()
		defer r.mu.Unlock()
		return Result{string(r.stdout), string(r.stderr), exit}
	case <-time.After(time.Minute):
		t.Fatalf("no exit after a minute; stdout so far: %.500q", r.Stdout())
		return Result{}
	}
}

// Start starts a program and waits until it runs, or is known not to.
func Start(t testing.TB, e runtimes.Environment, cmd runtimes.Command) (runtimes.Process, *Recorder) {
	t.Helper()
	recorder := NewRecorder()
	process, err := e.Start(context.Background(), cmd, recorder)
	if err != nil {
		t.Fatal(err)
	}
	recorder.Follow(process)
	select {
	case <-recorder.started:
	case exit := <-recorder.exited:
		recorder.exited <- exit
	case <-time.After(time.Minute):
		t.Fatal("no word of the program after a minute")
	}
	return process, recorder
}

// Run runs a program to its end.
func Run(t testing.TB, e runtimes.Environment, name string, args ...string) Result {
	t.Helper()
	_, recorder := Start(t, e, runtimes.Command{Name: name, Args: args})
	return recorder.Wait(t)
}

// Shell runs a shell line to its end.
func Shell(t testing.TB, e runtimes.Environment, line string) Result {
	t.Helper()
	return Run(t, e, "/bin/sh", "-c", line)
}

// Create makes an environment that is closed after the test.
func Create(t testing.TB, r runtimes.Runtime, spec runtimes.Spec) runtimes.Environment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	e, err := r.Create(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error("close the environment:", err)
		}
		if spec.Workspace == nil {
			if err := e.Workspace().Close(); err != nil {
				t.Error("close the workspace:", err)
			}
		}
	})
	return e
}

// Limits are a usual session's.
var Limits = runtimes.Limits{
	MemoryBytes: 512 << 20, CPUs: 1, Processes: 128, DiskBytes: 64 << 20, OpenFiles: 1024, OutputBytes: 1 << 20,
}

// Spec asks for a usual session in that language.
func Spec(session string, language runtimes.Language) runtimes.Spec {
	return runtimes.Spec{Name: session, Language: language, Limits: Limits}
}

// Available probes the runtime and returns what it offers. Where it is not
// there, the test is skipped or, when the runtime is required
// (CODEBEAKER_REQUIRE), failed; where it does not serve all of the languages,
// and in a short run, skipped. The runtime is closed after the test.
func Available(t testing.TB, r runtimes.Runtime, languages ...runtimes.Language) runtimes.Availability {
	t.Helper()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error("close the runtime:", err)
		}
	})
	NotShort(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a := r.Probe(ctx)
	runtimetest.Require(t, r.Type(), a)
	for _, language := range languages {
		if !a.Serves(language) {
			t.Skipf("%v does not serve %v here", r.Type(), language)
		}
	}
	return a
}

// NotShort skips a test in a short run: starting boxes takes seconds.
func NotShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts boxes")
	}
}

// RunFile writes a file into the workspace and runs a program to its end.
func RunFile(t testing.TB, e runtimes.Environment, name, text string, command ...string) Result {
	t.Helper()
	if _, err := e.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: name, Content: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	return Run(t, e, command[0], command[1:]...)
}
