// Package boxedtest helps the tests of boxed runtimes: options that work,
// programs that are run to their end, and a second run of a test binary as an
// ordinary user.
package boxedtest
