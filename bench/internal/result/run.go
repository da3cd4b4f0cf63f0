// Package result is what a run of the benchmark leaves: a document with the
// raw samples, from which every report is made. As JSON it is the schema that
// docs/benchmarks.md describes; a member may be added, none is renamed.
//
// Beside the document stand what goes into it, and what is read from it: the
// facts of the machine ([GatherFacts]), the figures of a series ([Summarize]), and
// what has changed between two documents ([CompareRuns]). What the figures do not
// know they do not say: a percentile needs enough samples ([Needed]), a confidence
// interval at least six, and a constant sample has neither spread nor a difference
// to itself.
package result

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Schema names the format of a Run as JSON.
const Schema = "codebeaker-bench/1"

// The kinds of runs.
const (
	Measure = "measure"
	Peer    = "peer"
	Load    = "load"
)

// Run is one run of the benchmark.
type Run struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`
	Command []string  `json:"command"` // as it was typed
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // that it took, set-up included
	Seed    uint64    `json:"seed"`
	Quick   bool      `json:"quick"`

	Host     Facts              `json:"host"`
	Server   Server             `json:"server"`
	Runtimes []protocol.Runtime `json:"runtimes"` // as runtime.list gave them at the start

	// Method are sentences on how it was measured.
	Method []string  `json:"method"`
	Series []*Series `json:"series"`
	// Published are figures of others, not measured here.
	Published []Published `json:"published"`
	// Load is what a load test found, nil in other runs.
	Load *LoadResult `json:"load,omitempty"`

	// Aborted says why the run ended early, "" when it did not. What was
	// measured until then is in the document.
	Aborted string `json:"aborted,omitempty"`
	// Notes are what a reader should know besides.
	Notes []string `json:"notes,omitempty"`
}

// Server is the server that was measured.
type Server struct {
	Target    string `json:"target"`    // address, "" in process
	InProcess bool   `json:"inProcess"` // it shared the benchmark's process
	Name      string `json:"name"`
	Version   string `json:"version"`
}

// Published is a figure that somebody published.
type Published struct {
	Scenario string `json:"scenario"` // the rows it stands beside
	Figure   string `json:"figure"`
	Source   string `json:"source"`
	// Measured is what the figure really timed.
	Measured string `json:"measured"`
}

// Failed counts the operations that failed, and those of them that gave a
// wrong output.
func (r *Run) Failed() (failed, wrong int) {
	for _, s := range r.Series {
		for _, f := range s.Failures {
			failed += f.Count
			if f.WrongOutput {
				wrong += f.Count
			}
		}
	}
	if r.Load != nil {
		failed += int(r.Load.Failed())
		wrong += int(r.Load.WrongOutputs)
	}
	return failed, wrong
}

// Write writes the document as indented JSON.
func (r *Run) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// ReadFile reads a document that Write wrote.
// Errors: it is no such document, or one of another schema.
func ReadFile(path string) (*Run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Run
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s is not a report in JSON (-o report.json makes one): %w", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("%s has the schema %q, this program reads %q", path, r.Schema, Schema)
	}
	return &r, nil
}

// Summarise computes the summaries and ratios from the samples.
func (r *Run) Summarise() {
	for _, s := range r.Series {
		s.Summary = nil
		if summary, err := Summarize(s.Samples); err == nil {
			s.Summary = &summary
		}
	}
	reference := map[string]map[string]float64{} // group, class: median
	for _, s := range r.Series {
		if s.Baseline == "" || s.Baseline == Beside || s.Summary == nil {
			continue
		}
		if reference[s.Group()] == nil {
			reference[s.Group()] = map[string]float64{}
		}
		reference[s.Group()][s.Baseline] = s.Summary.Median
	}
	for _, s := range r.Series {
		s.Ratios = nil
		for class, median := range reference[s.Group()] {
			if s.Summary == nil || median <= 0 {
				continue
			}
			if s.Ratios == nil {
				s.Ratios = map[string]float64{}
			}
			s.Ratios[class] = s.Summary.Median / median
		}
	}
}

// Groups returns the series that are compared with each other, together and in
// the order in which they first appear.
func (r *Run) Groups() [][]*Series {
	var groups [][]*Series
	index := map[string]int{}
	for _, s := range r.Series {
		at, known := index[s.Group()]
		if !known {
			at = len(groups)
			index[s.Group()] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], s)
	}
	return groups
}
