package fake

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestAKilledEnvironmentTellsEveryone(t *testing.T) {
	for _, how := range []string{"kill", "crash"} {
		synctest.Test(t, func(t *testing.T) {
			r := New(Options{})
			e := newEnvironment(t, r)
			told := make(chan struct{}, 2)
			e.NotifyLost(func() { told <- struct{}{} })
			p, s := start(t, e, command("sleep", "1h"))
			if how == "kill" {
				e.Kill()
			} else {
				start(t, e, command("crash"))
			}
			<-e.Lost()
			select {
			case exit := <-s.exited:
				if exit.Status != runtimes.EnvironmentLost || exit.Code != nil || exit.Message == "" {
					t.Errorf("%+v", exit)
				}
			default:
				t.Error("lost before the exit was told")
			}
			<-told
			e.NotifyLost(func() { told <- struct{}{} })
			<-told
			if _, err := e.Start(t.Context(), command("true"), newSink()); !errors.Is(err, runtimes.ErrEnvironmentLost) {
				t.Errorf("a start in a lost environment: %v", err)
			}
			if _, err := p.Signal(2); !errors.Is(err, runtimes.ErrEnvironmentLost) {
				t.Errorf("a signal in a lost environment: %v", err)
			}
			if r.Environment("s") != nil {
				t.Error("a lost environment is still listed")
			}
		})
	}
}

func TestCloseEndsEveryProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		e := newEnvironment(t, r)
		_, s := start(t, e, command("stubborn"))
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case exit := <-s.exited:
			if exit.Status != runtimes.Cancelled {
				t.Errorf("%+v", exit)
			}
		default:
			t.Error("closed before the exit was told")
		}
		select {
		case <-e.Lost():
			t.Error("a closed environment counts as lost")
		default:
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCreateIsLateOrFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Type: runtimes.Bun, CreateDelay: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := r.Create(ctx, runtimes.Spec{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a create that is too late: %v", err)
		}
		r.FailCreates(errors.New("out of order"))
		_, err := r.Create(t.Context(), runtimes.Spec{})
		var failed *runtimes.EnvironmentError
		if !errors.As(err, &failed) || failed.Runtime != runtimes.Bun || failed.Reason == "" {
			t.Errorf("a create that fails: %v", err)
		}
	})
}

func TestAvailabilityChanges(t *testing.T) {
	r := New(Options{Type: runtimes.Docker})
	if a := r.Probe(t.Context()); !a.Available || !a.Serves(runtimes.CSharp) {
		t.Errorf("%+v", a)
	}
	r.SetUnavailable("no engine")
	if !r.Changed(t.Context()) {
		t.Error("a change went unnoticed")
	}
	if a := r.Probe(t.Context()); a.Available || a.Reason != "no engine" || r.Changed(t.Context()) {
		t.Errorf("%+v", a)
	}
}

func TestFilesOutliveALostEnvironment(t *testing.T) {
	r := New(Options{Dir: t.TempDir()})
	e := newEnvironment(t, r)
	if _, err := e.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: "f", Content: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	e.Kill()
	next, err := r.Create(t.Context(), runtimes.Spec{Name: "s", Workspace: e.Workspace()})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close(t.Context())
	if found, err := next.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: "f"}); err != nil || string(found.Content) != "x" {
		t.Errorf("%q, %v", found.Content, err)
	}
}
