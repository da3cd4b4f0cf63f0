// Package local starts a server in this process, on a free port of loopback
// and in a temporary data directory, so that the benchmark needs nothing to be
// set up: it builds the guest agent itself where Go is there.
package local
