// Package calibration measures what the selector weighs, on this host: how
// long a runtime takes from nothing to its tool's hello, and how much memory
// an idle environment with its idle tool occupies. The results are kept in the
// data directory and measured again when a runtime's version or isolation has
// changed.
package calibration
