// Package peer runs programs on other engines, so that a user can compare on
// their own machine. An engine needs a small adapter: a function that runs one
// program from nothing to nothing and returns what it printed.
package peer
