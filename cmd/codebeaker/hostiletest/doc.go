// Command hostiletest runs the hostile cases alone and writes docs/hostile.md:
// each case on each runtime, for a server that is root and for one that is an
// ordinary user, with what stopped it.
//
// The cases are a table (cases.go) that names the tests which prove them; those
// are ordinary tests, which CI runs as all others. A run replaces the rows of who
// runs it, root or an ordinary user, and keeps those of the other:
//
//	make hostile
//	make hostile HOSTILE='-only P1,W8'   # some cases; the results of the others stay
//	make hostile HOSTILE='-render'       # run nothing, write the page again
package main
