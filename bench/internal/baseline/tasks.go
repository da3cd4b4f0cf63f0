package baseline

import (
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// Options of Tasks.
type Options struct {
	Effort workload.Effort
	// Wanted says whether a scenario is measured. Nil is all of them.
	Wanted func(scenario string) bool
	// Quick leaves out the languages that compile for seconds.
	Quick bool
	// Languages are those that are compared.
	Languages []string
	// Dir is for files; it is there and the caller removes it.
	Dir string
	// ToolsDir is searched for tools that are not on PATH; "" is not.
	ToolsDir string
	// Docker says that the docker command is to be measured, by the images of
	// the languages.
	Docker bool
}

// maker makes the tasks.
type maker struct {
	Options
	tasks  []*measure.Task
	absent []*result.Series
}

// Tasks returns what stands beside, and the series that cannot be measured,
// which say why.
func Tasks(o Options) (tasks []*measure.Task, absent []*result.Series) {
	m := &maker{Options: o}
	if o.Quick { // the rows of the runtimes say so
		m.Languages = slices.DeleteFunc(slices.Clone(o.Languages), workload.Compiles)
	}
	m.bareProcesses()
	m.bareFiles()
	m.bareWire()
	m.docker()
	return m.tasks, m.absent
}

func (m *maker) wants(scenarios ...string) bool {
	return m.Wanted == nil || slices.ContainsFunc(scenarios, m.Wanted)
}

func (m *maker) cheap(t measure.Task) { m.tasks = append(m.tasks, m.Effort.CheapTask(t)) }

func (m *maker) dear(t measure.Task) { m.tasks = append(m.tasks, m.Effort.DearTask(t)) }

func (m *maker) lack(scenario, variant, subject, class, why string) {
	if m.wants(scenario) {
		s := series(scenario, variant, subject, class, "")
		s.NotBuilt = why
		m.absent = append(m.absent, s)
	}
}

func series(scenario, variant, subject, class, what string) *result.Series {
	return &result.Series{Scenario: scenario, Variant: variant, Subject: subject, Baseline: class, What: what}
}
