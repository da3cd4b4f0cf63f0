// Package workload is what the benchmark does with a server: the tasks of each
// runtime, with outputs that are verified. It speaks to the server as a client
// does, over one WebSocket.
package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Effort is how often things are repeated.
type Effort struct {
	// Cheap is for what takes milliseconds or less, Dear for what makes
	// environments or starts languages, Slow for languages that compile.
	Cheap, Dear, Slow       int
	CheapWarmup, DearWarmup int
}

// For is how often a program of a language is started.
func (e Effort) For(language string) int {
	if Compiles(language) {
		return e.Slow
	}
	return e.Dear
}

// CheapTask is the task with the repetitions of what takes milliseconds.
func (e Effort) CheapTask(t measure.Task) *measure.Task {
	t.Count, t.Warmup = e.Cheap, e.CheapWarmup
	return &t
}

// DearTask is the task with those of what takes longer; a Count that it has
// already stays.
func (e Effort) DearTask(t measure.Task) *measure.Task {
	if t.Count == 0 {
		t.Count = e.Dear
	}
	t.Warmup = e.DearWarmup
	return &t
}

// Options of Tasks.
type Options struct {
	Effort Effort
	// Wanted says whether a scenario is to be measured. Nil is all of them.
	Wanted func(scenario string) bool
	// LeaveOut says why a language is not measured on a runtime, "" when it is.
	// Nil leaves out none.
	LeaveOut func(runtime, language string) string
	// Language is the one that is measured; "" is all of them, compared in the
	// one that a runtime shares with others.
	Language string
}

// maker makes the tasks of one target.
type maker struct {
	*Target
	Options
	sessions sessions
	tasks    []*measure.Task
	absent   []*result.Series // with the reason why
}

// Tasks returns what is to be measured on a target, and the series that cannot
// be, which say why.
func Tasks(t *Target, o Options) (tasks []*measure.Task, absent []*result.Series) {
	m := &maker{Target: t, Options: o, sessions: sessions{client: t.Client, made: map[[2]string]*session{}}}
	for _, r := range t.Runtimes {
		if !r.Available {
			m.lack(Create, "", r.RuntimeType, "not available: "+r.Reason)
			continue
		}
		m.runtime(r)
	}
	m.wire()
	return m.tasks, m.absent
}

func (m *maker) runtime(r protocol.Runtime) {
	if m.Language != "" && !slices.Contains(r.Languages, m.Language) {
		m.lack(OneShot, m.Language, r.RuntimeType, "it does not serve "+m.Language+" here")
		return
	}
	m.life(r)
	shared := m.shared(r)
	if slices.Contains(r.Capabilities.Commands, "execute_shell") {
		m.shell(r.RuntimeType, shared)
		for _, language := range r.Languages {
			if m.Language == "" || language == m.Language {
				m.hello(r.RuntimeType, language)
			}
		}
	} else {
		m.lack(Execute, "", r.RuntimeType, "the runtime has no processes")
	}
	m.cells(r)
	for _, size := range sizes {
		m.files(r.RuntimeType, shared, size)
	}
}

// shared is the language of what is compared between runtimes.
func (m *maker) shared(r protocol.Runtime) string {
	if m.Language != "" {
		return m.Language
	}
	return Shared(r)
}

func (m *maker) wants(scenarios ...string) bool {
	return m.Wanted == nil || slices.ContainsFunc(scenarios, m.Wanted)
}

// lack notes what cannot be measured.
func (m *maker) lack(scenario, variant, subject, why string) {
	if m.wants(scenario) {
		m.absent = append(m.absent, &result.Series{Scenario: scenario, Variant: variant, Subject: subject, NotBuilt: why})
	}
}

func (m *maker) cheap(t measure.Task) { m.tasks = append(m.tasks, m.Effort.CheapTask(t)) }

func (m *maker) dear(t measure.Task) { m.tasks = append(m.tasks, m.Effort.DearTask(t)) }

func series(scenario, variant, subject, what string) *result.Series {
	return &result.Series{Scenario: scenario, Variant: variant, Subject: subject, What: what}
}

// upload writes a program's file into a session.
func upload(p Program) *protocol.WriteFile { return client.WriteText(p.File, p.Source) }

// missing says in which language a runtime has no program here.
func missing(language string) string { return fmt.Sprintf("there is no program in %s", language) }

// command runs one and returns the result of its type; one that could not do
// its work is an error.
func command[R any](ctx context.Context, c *client.Client, session string, cmd any) (R, error) {
	var none R
	r, err := c.Exec(ctx, session, cmd)
	if err != nil {
		return none, err
	}
	typed, ok := r.Result.(R)
	if !r.Success {
		return none, refusal(r)
	}
	if !ok {
		return none, fmt.Errorf("the server sent a result of type %T", r.Result)
	}
	return typed, nil
}

// refusal is the error of a command that could not do its work.
func refusal(r *protocol.ExecuteResult) error {
	text := r.ErrorCode
	if r.Error != nil {
		text += ": " + *r.Error
	}
	if p, ok := r.Result.(*protocol.ProcessResult); ok && p.Stderr != "" {
		text += ": " + p.Stderr
	}
	return errors.New(text)
}

// want is nil when both are equal, else a *measure.WrongOutput.
func want(got, wanted string) error {
	if got == wanted {
		return nil
	}
	return &measure.WrongOutput{Got: got, Want: wanted}
}

// run runs a program and verifies what it printed.
func run(ctx context.Context, c *client.Client, session string, args []string, prints string) error {
	p, err := command[*protocol.ProcessResult](ctx, c, session, client.Program(args[0], args[1:]...))
	if err != nil {
		return err
	}
	return want(p.Stdout, prints)
}
