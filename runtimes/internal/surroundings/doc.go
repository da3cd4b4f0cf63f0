// Package surroundings is what every program of a session finds, whatever runs
// it: its user and home, its variables, its PATH, the names of its machine. The
// runtimes differ in how they give it, not in what.
package surroundings
