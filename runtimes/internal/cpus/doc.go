// Package cpus spreads environments over the processors of a machine.
//
// An environment that may use one and a half processors is given two of them:
// its programs run nowhere else, so that what they ask the kernel (nproc,
// GOMAXPROCS, availableParallelism) is what they get. Which two may change
// while they run: no processor is to idle while programs wait for another.
package cpus
