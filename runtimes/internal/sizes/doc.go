// Package sizes tells programs how large they may grow. Control groups and
// resource limits bound them whether they know it or not; but a program that
// takes the machine's memory for its own collects its garbage too late, and is
// ended for it.
package sizes
