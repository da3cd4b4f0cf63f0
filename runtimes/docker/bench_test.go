package docker

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/runtimetest"
)

// The claim: a program starts 30 times faster by the agent than by the engine's
// exec, through the API and not its command line. Both run `true` in one container,
// as often, one after the other: the engine goes on working when an exec has
// returned, at the cost of what runs next. Medians and their ratio are reported.
func BenchmarkTrueByTheAgentBesideTheEnginesExec(b *testing.B) {
	requireEngine(b, runtimes.Python)
	env := newEnvironment(b, newRealRuntime(b, nil), runtimes.Spec{Language: runtimes.Python})
	var agent, engine []time.Duration
	for b.Loop() {
		agent = append(agent, took(func() { execute(b, env, "true") }))
	}
	for range agent {
		engine = append(engine, took(func() { execByEngine(b, env, "true") }))
	}
	report(b, "agent-ms", agent)
	report(b, "engine-ms", engine)
	b.ReportMetric(float64(median(engine))/float64(median(agent)), "times")
}

func BenchmarkPython3ByTheAgent(b *testing.B) {
	requireEngine(b, runtimes.Python)
	env := newEnvironment(b, newRealRuntime(b, nil), runtimes.Spec{Language: runtimes.Python})
	for b.Loop() {
		execute(b, env, "python3", "-c", "pass")
	}
}

func BenchmarkAssign(b *testing.B) {
	requireEngine(b, runtimes.Python)
	runtimetest.BenchmarkAssign(b, newRealRuntime(b, nil), runtimes.Python)
}

// How long each stage of a create takes, in milliseconds.
func BenchmarkCreateAndCloseByStage(b *testing.B) {
	requireEngine(b, runtimes.Python)
	stages := &stageLog{}
	r := newRealRuntime(b, func(o *Options) { o.Logger = slog.New(stages) })
	var whole, removal []time.Duration
	for b.Loop() {
		var env *Environment
		whole = append(whole, took(func() {
			var err error
			env, err = r.create(b.Context(), runtimes.Spec{Name: trialSession(), Language: runtimes.Python, Limits: trialLimits})
			if err != nil {
				b.Fatal(err)
			}
		}))
		removal = append(removal, took(func() { closeTrial(b.Context(), env) }))
	}
	report(b, "create-ms", whole)
	report(b, "close-ms", removal)
	for stage, times := range stages.times {
		report(b, stage+"-ms", times)
	}
}

func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func report(b *testing.B, unit string, times []time.Duration) {
	unit = string(slices.DeleteFunc([]byte(unit), func(c byte) bool { return c == ' ' }))
	b.ReportMetric(float64(median(times).Microseconds())/1000, unit)
}

// execByEngine does what `docker exec` does.
func execByEngine(b *testing.B, env *Environment, command ...string) {
	ctx, api := b.Context(), env.r.engine.api
	made, err := api.ContainerExecCreate(ctx, env.container, container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		b.Fatal(err)
	}
	attached, err := api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer attached.Close()
	if _, err := io.Copy(io.Discard, attached.Reader); err != nil {
		b.Fatal(err)
	}
	for {
		state, err := api.ContainerExecInspect(ctx, made.ID)
		if err != nil || state.ExitCode != 0 {
			b.Fatal(err, state.ExitCode)
		}
		if !state.Running {
			return
		}
	}
}

// stageLog collects what a create says it took.
type stageLog struct {
	mu    sync.Mutex
	times map[string][]time.Duration
}

func (l *stageLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *stageLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *stageLog) WithGroup(string) slog.Handler            { return l }
func (l *stageLog) Handle(_ context.Context, record slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times == nil {
		l.times = make(map[string][]time.Duration)
	}
	record.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindDuration {
			l.times[a.Key] = append(l.times[a.Key], a.Value.Duration())
		}
		return true
	})
	return nil
}
