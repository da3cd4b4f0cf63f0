// Package cgroup makes, limits, measures and ends groups of processes by
// control groups (cgroups(7)), from outside of what they confine.
//
// The server makes one [Group] for an environment and one below it for each
// execution. Version 1 has a directory per controller, version 2 one for all;
// a Group hides the difference. A host with version 1 controllers and an empty
// version 2 tree beside them (hybrid) counts as version 1.
//
// Version 2 is covered by fixtures only: the hosts of the project's tests have
// version 1.
package cgroup
