package runtimes

import "testing"

// The situations are those of docs/runtimes.md.
func TestScoresOfTheSituations(t *testing.T) {
	box := []Layer{MountNamespace, NoHostFiles, PIDNamespace, IPCNamespace, UTSNamespace, NetworkNamespace,
		NoCapabilities, NoNewPrivileges, Seccomp, TreeKill}
	with := func(base []Layer, more ...Layer) []Layer { return append(append([]Layer{}, base...), more...) }
	root := with(box, OwnUID, CgroupMemory, CgroupPids, CgroupCPU, DiskQuota)
	cases := []struct {
		name   string
		layers []Layer
		want   int
	}{
		{"nothing", nil, 0},
		{"a box of a server that is root", root, 8},
		{"the same with an allow-list of system calls", with(root, SeccompAllowList), 9},
		{"everything but gVisor", with(root, SeccompAllowList, Landlock), 9},
		{"with gVisor", with(root, SeccompAllowList, GVisor), 10},
		{"a box of an ordinary user", with(box, UserNamespace, ResourceLimits), 6},
		{"Landlock and seccomp alone", []Layer{Landlock, Seccomp, NoCapabilities, NoNewPrivileges, ResourceLimits, TreeKill}, 4},
		{"two of three namespaces count nothing", []Layer{PIDNamespace, IPCNamespace}, 0},
	}
	for _, c := range cases {
		if got := NewIsolation(c.layers...).Score; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
