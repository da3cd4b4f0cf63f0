// Package runtimes is the contract between a session and the place where its
// programs run.
//
// A [Runtime] (Docker, Deno, Bun, Native, ...) makes an [Environment]: one
// isolated place with one [Workspace]. An environment starts programs; each is
// a [Process] that reports to a [Sink]. What a program did is a value, [Exit]:
// an error from this package always means that the call itself could not be
// carried out.
//
// Three things live for different lengths of time. The workspace belongs to
// the session and outlives the environment, so that a lost environment is
// replaced on the same files. The environment outlives its processes. A
// process outlives every reader of its output.
//
// The [Registry] knows which runtimes this host offers, and the [Selector]
// picks one for a language and a [Preference].
//
// This package imports no implementation. A new runtime is a folder beside
// this file that implements [Runtime], passes runtimetest.Run, and is named in
// cmd/codebeaker.
package runtimes
