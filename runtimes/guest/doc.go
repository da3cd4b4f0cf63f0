// Package guest is the agent: the first process of every container and box. It
// starts, feeds, watches and ends programs as the server tells it over one
// framed stream (package frame), reaps what programs leave behind, and ends
// with the stream, so that no environment outlives its server.
//
// It runs beside hostile programs of its own uid. They can neither trace nor
// stop it (package harden), and nothing it does for one of them waits for
// another, but for the moment in which the kernel loads a program.
//
// It is Linux only, and is linked into a small program of its own, cmd/guest:
// it imports nothing heavy.
package guest
