// Package report shows the document of a run to readers: as a table in the
// terminal, as Markdown, as one page of HTML that needs nothing from elsewhere,
// as JSON, and in the Go benchmark format that benchstat reads. Files of all
// five are made from the same document.
//
// The pictures of the page are SVG: bars, distributions and lines over time. They
// need no script; their colours come from the page's style by class (product,
// bare, docker, beside, line0 to line7).
package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

// formats are the writers by the end of a file's name.
var formats = map[string]func(io.Writer, *result.Run) error{
	".html": HTML,
	".md":   Markdown,
	".json": func(w io.Writer, r *result.Run) error { return r.Write(w) },
	".txt":  GoBench,
}

// CheckPath reports whether a report can be written to a file, before the
// minutes of a run are spent.
// Errors: the name has no known end; its folder is not there.
func CheckPath(path string) error {
	if formats[filepath.Ext(path)] == nil {
		var known []string
		for end := range formats {
			known = append(known, end)
		}
		slices.Sort(known)
		return fmt.Errorf("%q must end in one of %s", path, strings.Join(known, ", "))
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", filepath.Dir(path))
	}
	return nil
}

// WriteFile writes the report in the format that the end of the name says.
func WriteFile(path string, r *result.Run) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := formats[filepath.Ext(path)](&text, r); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}
