// Package runtimetest is what every runtime promises, as tests.
//
// A runtime's own test calls [Run] with a [Harness]. Everything is checked by
// effect, through the contract of package runtimes alone: the suite knows no
// implementation. A case that a runtime cannot pass is skipped only where the
// contract lets a runtime do without, and always with its reason: no terminal
// (Availability.Terminal), a limit that is not enforced (a zero in
// Environment.Limits), no shell among the programs, or a [Capability] that the
// harness says is lacking.
package runtimetest
