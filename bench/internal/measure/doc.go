// Package measure repeats tasks and keeps what they took.
//
// A [Task] is work that is repeated; each repetition gives a sample to one or
// more series. A [Runner] interleaves the tasks: it divides the repetitions of
// each over the same number of rounds and shuffles the turns of every round by
// a seed, so that what disturbs the machine hits all alike, and a run that is
// cut short has its part of each. The first repetitions warm up and are
// discarded. An operation that fails is counted and gives no sample.
package measure
