package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

type runtimeInfo = protocol.Runtime

// Text writes the report for a terminal.
func Text(w io.Writer, r *result.Run) error {
	var b strings.Builder
	for _, f := range facts(r) {
		fmt.Fprintf(&b, "%-12s %s\n", f.Name, f.Value)
	}
	for _, t := range allTables(r) {
		fmt.Fprintf(&b, "\n%s\n", t.Title)
		writeColumns(&b, append([][]string{t.Head}, t.Rows...))
		for _, note := range t.Notes {
			fmt.Fprintf(&b, "  %s\n", note)
		}
	}
	b.WriteString("\n")
	for _, note := range append(r.Notes, verdict(r)) {
		b.WriteString(note + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// allTables are those of every kind of run.
func allTables(r *result.Run) []Table {
	if r.Load != nil {
		return append(tables(r), loadTables(r.Load)...)
	}
	return tables(r)
}

// writeColumns aligns cells: the first column to the left, others to the right.
func writeColumns(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := "  "
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				line += cell + pad
			} else {
				line += "  " + pad + cell
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// verdict is the last line.
func verdict(r *result.Run) string {
	failed, wrong := r.Failed()
	line := "every operation did its work and every output was right"
	if failed > 0 {
		line = fmt.Sprintf("%d operations failed, %d of them with a wrong output", failed, wrong)
	}
	if r.Aborted != "" {
		line = "INCOMPLETE: " + r.Aborted + "; " + line
	}
	return line
}

// Markdown writes the report as a page.
func Markdown(w io.Writer, r *result.Run) error {
	var b strings.Builder
	b.WriteString("# Performance report\n\n")
	if r.Aborted != "" {
		fmt.Fprintf(&b, "**Incomplete:** %s\n\n", r.Aborted)
	}
	writeMarkdownTable(&b, []string{"", ""}, factRows(r))
	writeList(&b, "\n## How it was measured\n\n", r.Method)
	b.WriteString("\n## Results\n")
	for _, t := range allTables(r) {
		fmt.Fprintf(&b, "\n### %s\n\n", t.Title)
		if t.Means != "" {
			b.WriteString(t.Means + "\n\n")
		}
		writeMarkdownTable(&b, t.Head, t.Rows)
		writeList(&b, "\n", t.Notes)
	}
	writeList(&b, "\n## Notes\n\n", append([]string{verdict(r)}, r.Notes...))
	_, err := io.WriteString(w, b.String())
	return err
}

func factRows(r *result.Run) (rows [][]string) {
	for _, f := range facts(r) {
		rows = append(rows, []string{f.Name, f.Value})
	}
	return rows
}

func writeMarkdownTable(b *strings.Builder, head []string, rows [][]string) {
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	if len(head) == 2 {
		rule[1] = "---"
	}
	for _, row := range append([][]string{head, rule}, rows...) {
		for _, cell := range row {
			b.WriteString("| " + markdownCell(cell) + " ")
		}
		b.WriteString("|\n")
	}
}

// markdownCell keeps a cell on its line and in its column.
func markdownCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", "").Replace(s)
}

func writeList(b *strings.Builder, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString(head)
	for _, line := range lines {
		b.WriteString("- " + strings.ReplaceAll(line, "\n", " ") + "\n")
	}
}
