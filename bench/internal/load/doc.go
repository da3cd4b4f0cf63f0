// Package load drives a server as many clients at once do.
//
// In the open model calls arrive at a rate, whether the server keeps up or not,
// and the latency of each counts from when it was meant to start: a server that
// stalls is charged for every call that should have been made meanwhile, which
// a loop of calls would leave out (coordinated omission). In the closed model a
// number of workers call again as soon as they have their answer. Latencies go
// into HDR histograms of three digits; those of failed calls do not: a quick
// refusal is no quick answer. Failed calls are counted by code.
package load
