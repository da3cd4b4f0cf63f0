package runtimetest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// foundTable is the table as docs/runtimes.md shows it.
func foundTable() string {
	var table strings.Builder
	table.WriteString("| | a program finds | in | otherwise |\n| --- | --- | --- | --- |\n")
	for i := range findings {
		row := &findings[i]
		var but []string
		for _, e := range row.but {
			word := ": not"
			if e.unless != "" {
				word = ": only"
			}
			but = append(but, kindNames(e.on)+word+" "+e.reason)
		}
		table.WriteString("| " + row.name + " | " + row.what + " | " + kindNames(row.on) + " | " + strings.Join(but, "; ") + " |\n")
	}
	return table.String()
}

// kindNames are the names of kinds, in few words.
func kindNames(kinds []kind) string {
	if len(kinds) == len(everyKind) {
		return "all"
	}
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func TestWhatProgramsFindIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/runtimes.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\n\n"+foundTable()+"\n") {
		t.Errorf("docs/runtimes.md must have this table:\n%s", foundTable())
	}
}

func TestTheTableOfWhatProgramsFindIsWhole(t *testing.T) {
	names := make(map[string]bool)
	for i := range findings {
		row := &findings[i]
		if row.name == "" || row.what == "" || row.check == nil || len(row.on) == 0 || names[row.name] {
			t.Errorf("row %d, %q, lacks something or is there twice", i, row.name)
		}
		names[row.name] = true
		for _, e := range row.but {
			if e.reason == "" || len(e.on) == 0 || slices.ContainsFunc(e.on, func(k kind) bool { return !slices.Contains(row.on, k) }) {
				t.Errorf("%s: the exception %+v has no reason, or is of other kinds", row.name, e)
			}
		}
	}
	for _, k := range everyKind {
		if _, serves := serving[k]; !serves {
			t.Errorf("%s has no program that serves", k)
		}
	}
}
