package main

import (
	"fmt"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

type runtimeInfo = protocol.Runtime

// method says how it was measured.
func method(f *measureFlags, o measure.Outcome, inProcess bool) []string {
	e := f.effort()
	where := "The client spoke to the server over one WebSocket."
	if inProcess {
		where = "The server ran in the benchmark's own process; the client spoke to it over one WebSocket on loopback."
	}
	lines := []string{
		where,
		fmt.Sprintf("The first %d repetitions (%d of what makes environments or starts languages) warmed up and were discarded.", e.CheapWarmup, e.DearWarmup),
		fmt.Sprintf("The rest was divided over %d rounds; in each round the scenarios ran in a new order, shuffled by the seed %d, so that noise hits all alike.", o.Of, f.seed),
		"What programs print, contents that are read and listings were compared with what they should be each time. Of a write and a copy the content was read back, and of a deletion the directory was listed, in the first repetition of each round; creating and closing are verified by their replies.",
		"An operation that failed or gave a wrong output is counted and gave no sample.",
		"Percentiles are by nearest rank, so each is a time that was measured; one is given only from enough samples: p90 from 10, p95 from 20, p99 from 100.",
		"The interval holds the true median with 95 % confidence; it comes from the order of the samples and supposes no distribution.",
		"One thing ran at a time: these are times of an idle server, not of one under load (`bench load` is for that).",
	}
	if o.Rounds < o.Of {
		lines = append(lines, fmt.Sprintf("The budget of %v ended the run after %d of %d rounds, the same part of every scenario.", f.budget, o.Rounds, o.Of))
	}
	return lines
}

// published are the figures of the project that inspired this one. They were
// not measured here.
func published(f *measureFlags) []result.Published {
	const source = "README of CodeBeaker 1.2.0"
	all := []result.Published{
		{Scenario: workload.Create, Figure: "562.3 ms", Source: source, Measured: "creation of a Docker container, on another machine; no sample count or spread is given"},
		{Scenario: workload.Execute, Figure: "1.2 ms", Source: source, Measured: "called code execution; what was timed is an exception: no program ran"},
		{Scenario: workload.Write, Figure: "145.8 ms", Source: source, Measured: "called file operations, in a Docker container; size and operation are not given"},
		{Scenario: workload.Selector, Figure: "43–66 µs", Source: source, Measured: "one selection of a runtime, in process"},
	}
	var wanted []result.Published
	for _, p := range all {
		if f.wanted(p.Scenario) {
			wanted = append(wanted, p)
		}
	}
	return wanted
}
