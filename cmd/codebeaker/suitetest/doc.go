// Package suitetest runs tests that languages have of themselves, CPython's and
// Go's, in sessions: what passes in a plain container of the same image passes
// in a session too. Its test is built with the tag suites only, because it takes
// many minutes: `make language-suites` makes the images it needs and runs it.
package suitetest
