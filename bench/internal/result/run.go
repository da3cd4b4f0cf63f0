package result

import (
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/hostfacts"
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

	Host     hostfacts.Facts    `json:"host"`
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
