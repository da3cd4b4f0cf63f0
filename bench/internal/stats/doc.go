// Package stats turns samples of a measurement into the figures of a report,
// and says whether two sets of samples differ.
//
// What it does not know it does not say: a percentile needs enough samples
// ([Needed]), a confidence interval needs at least six, and a constant sample
// has neither spread nor a difference to itself.
package stats
