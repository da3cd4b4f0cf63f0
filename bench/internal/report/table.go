package report

import (
	"fmt"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/chart"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// Table is the rows of one group, as every format shows them.
type Table struct {
	Title string
	Means string
	Head  []string
	Rows  [][]string
	Notes []string // failures, what was given up, published figures
}

// tables are those of a run.
func tables(r *result.Run) (all []Table) {
	told := map[string]bool{}
	for _, group := range r.Groups() {
		all = append(all, tableOf(r, group, told))
	}
	return all
}

// tableOf shows a group. What a scenario means and what others published of it
// is said at the first of its groups.
func tableOf(r *result.Run, group []*result.Series, told map[string]bool) Table {
	first := group[0]
	scenario := workload.ScenarioOf(first.Scenario)
	t := Table{Title: scenario.Title, Head: head(group)}
	if first.Variant != "" {
		t.Title += " · " + first.Variant
	}
	for _, s := range group {
		t.Rows = append(t.Rows, row(s, len(t.Head), hasClass(group, result.Bare), hasClass(group, result.Docker)))
		t.Notes = append(t.Notes, notes(s)...)
	}
	if !told[first.Scenario] {
		told[first.Scenario] = true
		t.Means = scenario.Means
		for _, p := range r.Published {
			if p.Scenario == first.Scenario {
				t.Notes = append(t.Notes, fmt.Sprintf("published, not measured here: %s (%s): %s", p.Figure, p.Source, p.Measured))
			}
		}
	}
	return t
}

func head(group []*result.Series) []string {
	columns := []string{"", "n", "failed", "median", "95 % of it", "mean", "p90", "p95", "p99", "min", "max", "std dev"}
	if hasClass(group, result.Bare) {
		columns = append(columns, "÷ bare")
	}
	if hasClass(group, result.Docker) {
		columns = append(columns, "÷ docker")
	}
	return columns
}

func hasClass(group []*result.Series, class string) bool {
	for _, s := range group {
		if s.Baseline == class && s.Summary != nil {
			return true
		}
	}
	return false
}

// row shows one series. Without samples it says why.
func row(s *result.Series, columns int, bare, docker bool) []string {
	failed := "0"
	if n := s.FailureCount(); n > 0 {
		failed = fmt.Sprint(n)
	}
	m := s.Summary
	if m == nil {
		why := "no samples"
		if s.NotBuilt != "" {
			why, failed = notBuilt(s), ""
		}
		cells := append([]string{s.Subject, "0", failed, why}, make([]string, columns)...)
		return cells[:columns]
	}
	interval := "–"
	if m.MedianCI != nil {
		interval = chart.Duration(m.MedianCI.Low) + " – " + chart.Duration(m.MedianCI.High)
	}
	cells := []string{
		s.Subject, fmt.Sprint(m.N), failed, chart.Duration(m.Median), interval, chart.Duration(m.Mean),
		known(m.P90), known(m.P95), known(m.P99), chart.Duration(m.Min), chart.Duration(m.Max), known(m.StdDev),
	}
	for _, class := range []struct {
		name  string
		shown bool
	}{{result.Bare, bare}, {result.Docker, docker}} {
		if class.shown {
			cells = append(cells, ratio(s.Ratios[class.name]))
		}
	}
	return cells
}

// notBuilt is the short reason in a row; the whole one is a note.
func notBuilt(s *result.Series) string {
	if strings.HasPrefix(s.NotBuilt, "not available") {
		return "not available"
	}
	if strings.HasPrefix(s.NotBuilt, workload.LeftOut) {
		return "left out"
	}
	return "not built"
}

func known(v *float64) string {
	if v == nil {
		return "–"
	}
	return chart.Duration(*v)
}

func ratio(v float64) string {
	if v == 0 {
		return "–"
	}
	return "×" + chart.Number(v)
}

// notes tell what the row of a series cannot.
func notes(s *result.Series) (lines []string) {
	if s.NotBuilt != "" {
		lines = append(lines, s.Subject+": "+s.NotBuilt)
	}
	if s.GivenUp != "" {
		lines = append(lines, s.Subject+": "+s.GivenUp)
	}
	for _, f := range s.Failures {
		lines = append(lines, fmt.Sprintf("%s: failed %d times: %s", s.Subject, f.Count, strings.Join(strings.Fields(f.Message), " ")))
	}
	return lines
}
