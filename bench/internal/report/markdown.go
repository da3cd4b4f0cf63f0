package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

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
