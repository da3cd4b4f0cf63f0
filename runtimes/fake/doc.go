// Package fake is a runtime whose programs are Go functions.
//
// It serves the tests and benchmarks of the layers above: an environment is
// made at once (or late, or not at all, see [Options]), a program does what a
// script says, and an environment is lost on demand ([Environment.Kill]).
// Processes wait by channels and package time only, so that everything works
// in a bubble of testing/synctest. Files are real: see package workspace.
//
// It isolates nothing and runs nobody's code. A server offers it only when it is
// named, for load tests: see package host.
package fake
