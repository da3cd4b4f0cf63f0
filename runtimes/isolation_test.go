package runtimes

import "testing"

// The situations are those of docs/runtimes.md.
func TestScoresOfTheSituations(t *testing.T) {
	box := []Layer{MountNamespace, NoHostFiles, PIDNamespace, IPCNamespace, UTSNamespace, NetworkNamespace,
		NoCapabilities, NoNewPrivileges, Seccomp, SeccompAllowList, TreeKill}
	with := func(base []Layer, more ...Layer) []Layer { return append(append([]Layer{}, base...), more...) }
	root := with(box, OwnUID, CgroupMemory, CgroupPids, CgroupCPU, DiskQuota)
	cases := []struct {
		name   string
		layers []Layer
		want   int
	}{
		{"nothing", nil, 0},
		{"a box of a server that is root", root, 9},
		{"everything but gVisor", with(root, Landlock), 9},
		{"with gVisor", with(root, GVisor), 10},
		{"a box of an ordinary user", with(box, UserNamespace, ResourceLimits), 7},
		{"a box of an ordinary user with control groups", with(box, UserNamespace, CgroupMemory, CgroupPids, CgroupCPU), 8},
		{"Landlock and seccomp alone", []Layer{Landlock, Seccomp, NoCapabilities, NoNewPrivileges, ResourceLimits, TreeKill}, 4},
		{"two of three namespaces count nothing", []Layer{PIDNamespace, IPCNamespace}, 0},
	}
	for _, c := range cases {
		if got := NewIsolation(c.layers...).Score; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
