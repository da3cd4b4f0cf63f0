package report

import (
	"fmt"
	"io"
	"strings"

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
		interval = Duration(m.MedianCI.Low) + " – " + Duration(m.MedianCI.High)
	}
	cells := []string{
		s.Subject, fmt.Sprint(m.N), failed, Duration(m.Median), interval, Duration(m.Mean),
		known(m.P90), known(m.P95), known(m.P99), Duration(m.Min), Duration(m.Max), known(m.StdDev),
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
	return Duration(*v)
}

func ratio(v float64) string {
	if v == 0 {
		return "–"
	}
	return "×" + Number(v)
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

// Comparison writes what has changed since an older report, for a terminal.
func Comparison(w io.Writer, r *result.Changes) error {
	var b strings.Builder
	b.WriteString("\nCompared with the older report (medians)\n")
	rows := [][]string{{"", "old", "new", "change", "p", "n", ""}}
	for _, row := range r.Rows {
		rows = append(rows, []string{
			row.Key, measured(row.Old, row.OldN), measured(row.New, row.NewN), change(row), fmt.Sprintf("%.2g", row.P),
			fmt.Sprintf("%d+%d", row.OldN, row.NewN), row.Verdict,
		})
	}
	writeColumns(&b, rows)
	fmt.Fprintf(&b, "  Mann-Whitney U; a row counts when p < %.2g (%.2g for all rows together); beyond %.0f %% slower it is a regression.\n",
		r.Alpha, result.Alpha, r.Tolerance*100)
	fmt.Fprintf(&b, "  What stands beside changed by %+.0f %% (median): that was the machine, not the product.\n", r.Machine*100)
	if n := r.TooFew(); n > 0 {
		fmt.Fprintf(&b, "  %d of %d rows have too few samples to tell a change of any size, and none of them is a regression: measure both without -quick, with a higher -count or -budget, or fewer scenarios.\n",
			n, len(r.Rows))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func measured(v float64, n int) string {
	if n == 0 {
		return "–"
	}
	return Duration(v)
}

func change(row result.Change) string {
	if row.OldN == 0 || row.NewN == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.1f %%", row.Change*100)
}
