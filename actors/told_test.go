package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// troubled is a fake runtime whose environments fail in ways that name what is
// the server's.
type troubled struct {
	*fake.Runtime
	start func(ctx context.Context) error // of programs
	read  error                           // of read_file
}

func (r *troubled) Create(ctx context.Context, spec runtimes.Spec) (runtimes.Environment, error) {
	env, err := r.Runtime.Create(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &troubledEnvironment{env.(*fake.Environment), r}, nil
}

type troubledEnvironment struct {
	*fake.Environment
	runtime *troubled
}

func (e *troubledEnvironment) Start(ctx context.Context, _ runtimes.Command, _ runtimes.Sink) (runtimes.Process, error) {
	return nil, e.runtime.start(ctx)
}

func (e *troubledEnvironment) Workspace() runtimes.Workspace {
	return &troubledFiles{e.Environment.Workspace(), e.runtime.read}
}

type troubledFiles struct {
	runtimes.Workspace
	read error
}

func (f *troubledFiles) ReadFile(context.Context, runtimes.ReadFile) (runtimes.FileContent, error) {
	return runtimes.FileContent{}, f.read
}

// inTrouble runs a test on such a runtime.
func inTrouble(t *testing.T, r *troubled, test func(w *world, log *bytes.Buffer)) {
	t.Helper()
	dir, log := t.TempDir(), &bytes.Buffer{}
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, fake: fake.New(fake.Options{Dir: dir})}
		r.Runtime = w.fake
		registry := runtimes.NewRegistry(r)
		registry.Probe(context.Background())
		w.system = NewSystem(Options{Registry: registry, Logger: slog.New(slog.NewTextHandler(log, nil))})
		test(w, log)
		if err := w.system.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

const ofTheServer = "/sys/fs/cgroup/memory/codebeaker"

func TestOnlyTextsMadeForClientsReachThem(t *testing.T) {
	secret := errors.New("mkdir " + ofTheServer + ": too many open files")
	r := &troubled{start: func(context.Context) error { return fmt.Errorf("make a group: %w", secret) }, read: secret}
	inTrouble(t, r, func(w *world, log *bytes.Buffer) {
		s := w.create()
		program := w.run(s, "true")
		if program.ErrorCode != runtimes.CouldNotStart.String() || strings.Contains(program.Error, ofTheServer) || program.Error == "" {
			t.Errorf("of a program: %q %q", program.ErrorCode, program.Error)
		}
		read := w.ask(s, &Execute{Type: runtimes.TypeReadFile, Command: &runtimes.ReadFile{Path: "x"}}).result.(*Outcome)
		if read.Success || strings.Contains(read.Error, ofTheServer) || read.Error == "" {
			t.Errorf("of a file: %q %q", read.ErrorCode, read.Error)
		}
		if n := strings.Count(log.String(), ofTheServer); n != 2 {
			t.Errorf("the log has %d of the two errors:\n%s", n, log)
		}
	})
}

// A start that failed because its session closed was told as CouldNotStart.
func TestAStartThatFailsBecauseItsSessionClosesIsCancelled(t *testing.T) {
	r := &troubled{start: func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("mkdir " + ofTheServer + ": no such file or directory")
	}}
	inTrouble(t, r, func(w *world, _ *bytes.Buffer) {
		s := w.create()
		started := send(s, shell("true"))
		synctest.Wait()
		closed := send(s, &Close{})
		<-closed.done
		<-started.done
		outcome, ok := started.result.(*Outcome)
		if !ok || outcome.ErrorCode != runtimes.Cancelled.String() || strings.Contains(outcome.Error, ofTheServer) {
			t.Errorf("told %+v, %v", started.result, started.err)
		}
	})
}
