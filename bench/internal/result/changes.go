package result

import (
	"errors"
	"fmt"
	"sort"
)

// Alpha is the chance of taking noise for a change that a whole comparison may
// have; it is divided by the number of rows that can tell (Bonferroni, as Tarone
// narrowed it), because among a hundred rows five would differ at 0.05 by chance
// alone.
const Alpha = 0.05

// The verdicts on a row.
const (
	Same       = "~"          // no significant difference
	Faster     = "faster"     // significant
	Slower     = "slower"     // significant, within the tolerance
	Regression = "regression" // significant and beyond it
	TooFew     = "too few"    // so few samples that no difference would be significant
	Missing    = "missing"    // the new report has no samples
	New        = "new"        // the old one has none
)

// Change is one series in both reports.
type Change struct {
	Key      string
	Baseline bool // not the product: it tells how the machine changed
	Comparison
	Verdict string
}

// Changes is a whole comparison.
type Changes struct {
	Rows      []Change
	Tolerance float64 // as a part: 0.1 is ten percent
	Alpha     float64 // of one row
	// Machine is the median change of the baselines: how much faster or slower
	// the machine itself was. Zero without baselines.
	Machine float64
}

// ErrKinds: the reports are of different kinds.
var ErrKinds = errors.New("these reports are of different kinds")

// CompareRuns compares a report with an older one. Tolerance is a part.
func CompareRuns(old, now *Run, tolerance float64) (*Changes, error) {
	if old.Kind != now.Kind {
		return nil, fmt.Errorf("%w: %s and %s", ErrKinds, old.Kind, now.Kind)
	}
	before := map[string]*Series{}
	for _, s := range old.Series {
		before[s.Key()] = s
	}
	r := &Changes{Tolerance: tolerance}
	for _, s := range now.Series {
		was := before[s.Key()]
		if was == nil {
			was = &Series{}
		}
		delete(before, s.Key())
		if len(s.Samples) == 0 && len(was.Samples) == 0 {
			continue
		}
		r.Rows = append(r.Rows, Change{Key: s.Key(), Baseline: s.Baseline != "", Comparison: Compare(was.Samples, s.Samples)})
	}
	for _, s := range old.Series {
		if before[s.Key()] != nil && len(s.Samples) > 0 {
			r.Rows = append(r.Rows, Change{Key: s.Key(), Baseline: s.Baseline != "", Comparison: Compare(s.Samples, nil)})
		}
	}
	r.judge()
	return r, nil
}

// level divides Alpha by the least number that is no smaller than that of the
// rows which could be significant then (Tarone): rows with too few samples make
// the others no blinder.
func (r *Changes) level() float64 {
	for divisor := 1; ; divisor++ {
		level, able := Alpha/float64(divisor), 0
		for _, row := range r.Rows {
			if LeastP(row.OldN, row.NewN) < level {
				able++
			}
		}
		if able <= divisor {
			return level
		}
	}
}

func (r *Changes) judge() {
	r.Alpha = r.level()
	var changes []float64
	for i := range r.Rows {
		row := &r.Rows[i]
		row.Verdict = r.verdict(row)
		if row.Baseline && row.OldN > 0 && row.NewN > 0 {
			changes = append(changes, row.Change)
		}
	}
	if sort.Float64s(changes); len(changes) > 0 {
		r.Machine = changes[len(changes)/2]
	}
}

func (r *Changes) verdict(row *Change) string {
	switch {
	case row.NewN == 0:
		return Missing
	case row.OldN == 0:
		return New
	case LeastP(row.OldN, row.NewN) >= r.Alpha:
		return TooFew
	case row.P >= r.Alpha || row.Change == 0:
		return Same
	case row.Change < 0:
		return Faster
	case row.Change > r.Tolerance && !row.Baseline:
		return Regression
	}
	return Slower
}

// TooFew counts the rows whose samples are too few to tell anything.
func (r *Changes) TooFew() (n int) {
	for _, row := range r.Rows {
		if row.Verdict == TooFew {
			n++
		}
	}
	return n
}

// Regressions are the rows that are one, and those of the product that are
// missing.
func (r *Changes) Regressions() (rows []Change) {
	for _, row := range r.Rows {
		if row.Verdict == Regression || (row.Verdict == Missing && !row.Baseline) {
			rows = append(rows, row)
		}
	}
	return rows
}
