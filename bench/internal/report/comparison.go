package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/chart"
	"github.com/codebeaker/codebeaker/bench/internal/compare"
)

// Comparison writes what has changed since an older report, for a terminal.
func Comparison(w io.Writer, r *compare.Result) error {
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
		r.Alpha, compare.Alpha, r.Tolerance*100)
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
	return chart.Duration(v)
}

func change(row compare.Row) string {
	if row.OldN == 0 || row.NewN == 0 {
		return "–"
	}
	return fmt.Sprintf("%+.1f %%", row.Change*100)
}
