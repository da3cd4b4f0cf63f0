// Package result is what a run of the benchmark leaves: a document with the
// raw samples, from which every report is made. As JSON it is the schema that
// docs/benchmarks.md describes; a member may be added, none is renamed.
package result
