// Package pss tells how much memory processes of this host occupy, as their
// proportional set size: pages that several processes share count for each by
// its part (proc_pid_smaps(5)). Linux only.
package pss
