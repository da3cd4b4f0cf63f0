package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestScenariosAreDocumented(t *testing.T) {
	_, table, ok := strings.Cut(page(t), "<!-- scenarios")
	table, _, end := strings.Cut(table, "\n\n")
	if !ok || !end {
		t.Fatal("there is no table of scenarios")
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	if !slices.Equal(documented, scenarioNames()) {
		t.Errorf("documented %v\nmeasured   %v", documented, scenarioNames())
	}
}

// Every command that the page shows is one.
func TestCommandsOfThePageAreUnderstood(t *testing.T) {
	text := page(t)
	t.Chdir("..") // paths are as seen from the project's folder
	a, found := &app{stderr: io.Discard}, 0
	for _, line := range strings.Split(text, "\n") {
		command, ok := strings.CutPrefix(line, "    go run ./bench")
		if !ok {
			continue
		}
		found++
		command, _, _ = strings.Cut(command, "#")
		args := strings.Fields(command)
		var err error
		if len(args) > 0 && args[0] == "load" {
			_, err = parseLoad(a, args)
		} else {
			_, err = parseMeasure(a, args)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if found < 10 {
		t.Errorf("%d commands", found)
	}
}

func TestTheWarmUpIsDocumented(t *testing.T) {
	full, quick := (&measureFlags{}).effort(), (&measureFlags{quick: true}).effort()
	sentence := fmt.Sprintf("%d repetitions, %d of what makes environments or starts languages; with `-quick` %d and %d.",
		full.CheapWarmup, full.DearWarmup, quick.CheapWarmup, quick.DearWarmup)
	if !strings.Contains(page(t), sentence) {
		t.Errorf("there is no %q", sentence)
	}
}

func TestTheSchemaIsDocumented(t *testing.T) {
	text := page(t)
	for _, name := range []string{result.Schema, "`samples[]`", "`failures[]`", "`notBuilt`", "`aborted`"} {
		if !strings.Contains(text, strings.Trim(name, "`")) {
			t.Errorf("there is no %s", name)
		}
	}
}
