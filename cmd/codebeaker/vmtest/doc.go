// Package vmtest tests the server on a machine of today: systemd, control
// groups v2, and a server that is root, an ordinary user with and without a
// systemd of its own, or a unit to which control groups are delegated.
//
// Its tests run in the machine of docker/scripts/vm.sh (`make vm`), once for
// each of these cases, against the real server. The machine is emulated and some
// thirty times slower than what it runs on, so the tests look at effects and
// never at the clock; what bounds them is stretched by the time a process takes
// to start.
package vmtest
