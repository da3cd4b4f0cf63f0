package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const aNotebook = `{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# A title"]},
  {"cell_type": "code", "execution_count": 9, "metadata": {"kept": [1.50]}, "outputs": ["old"], "source": ["import sys\n", "x = 41\n", "print('one'); print('two')\n", "print('err', file=sys.stderr)"]},
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "x + 1"},
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "display({'text/html': '<b>x</b>', 'application/json': [1, 2]}, raw=True)"},
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": " "},
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "input()"},
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": ["old"], "source": "print('never')"}
 ],
 "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
 "nbformat": 4, "nbformat_minor": 5
}`

func runRunsANotebook(t *testing.T, c *cli) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.ipynb")
	if err := os.WriteFile(file, []byte(aNotebook), 0o600); err != nil {
		t.Fatal(err)
	}
	out, complaints, code := c.run(t, "", "run", "--notebook", file)
	if code != 1 || out != "" || !strings.Contains(complaints, "cell 5: EOFError") {
		t.Errorf("%q, %q, exit code %d", out, complaints, code)
	}
	content, err := os.ReadFile(filepath.Join(dir, "a.executed.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	var n struct {
		Cells []struct {
			Count    *int `json:"execution_count"`
			Metadata json.RawMessage
			Outputs  []struct {
				Type      string `json:"output_type"`
				Name      string
				Text      string
				Data      map[string]any
				EName     string
				Traceback []string
			}
		}
		Minor json.Number `json:"nbformat_minor"`
	}
	if err := json.Unmarshal(content, &n); err != nil {
		t.Fatal(err)
	}
	first := n.Cells[1]
	if len(first.Outputs) == 2 && first.Outputs[0].Name == "stderr" { // two pipes: either may be read first
		slices.Reverse(first.Outputs)
	}
	if len(first.Outputs) != 2 || first.Outputs[0].Text != "one\ntwo\n" || first.Outputs[1].Name != "stderr" || *first.Count != 1 || !strings.Contains(string(first.Metadata), "1.50") {
		t.Errorf("the first: %+v", first)
	}
	if o := n.Cells[2].Outputs; len(o) != 1 || o[0].Type != "execute_result" || o[0].Data["text/plain"] != "42" {
		t.Errorf("a value: %+v", o)
	}
	if o := n.Cells[3].Outputs; len(o) != 1 || o[0].Type != "display_data" || o[0].Data["text/html"] != "<b>x</b>" || len(o[0].Data["application/json"].([]any)) != 2 {
		t.Errorf("a display: %+v", o)
	}
	if o := n.Cells[5].Outputs; len(o) != 1 || o[0].Type != "error" || o[0].EName != "EOFError" || len(o[0].Traceback) < 2 {
		t.Errorf("an exception: %+v", o)
	}
	if last := n.Cells[6]; len(last.Outputs) != 0 || last.Count != nil || n.Minor != "5" {
		t.Errorf("behind it: %+v", last)
	}
	if _, complaints, code := c.run(t, "", "run", filepath.Join(dir, "none.ipynb")); code != 125 || !strings.Contains(complaints, "none.ipynb") {
		t.Errorf("a file that is not there: %q, %d", complaints, code)
	}
	c.wantNoSession(t)
}
