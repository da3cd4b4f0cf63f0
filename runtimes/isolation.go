package runtimes

// Layer is one measure of isolation that is in force, probed by its effect.
// The values are the wire names.
type Layer string

// The layers. Docs: docs/runtimes.md has the same table with its points.
const (
	MountNamespace   Layer = "mountNamespace" // with a root of its own (pivot_root)
	NoHostFiles      Layer = "noHostFiles"    // the root holds only what tools need, read-only
	PIDNamespace     Layer = "pidNamespace"
	IPCNamespace     Layer = "ipcNamespace"
	UTSNamespace     Layer = "utsNamespace"
	NetworkNamespace Layer = "networkNamespace" // no interface but its own loopback
	NetworkFilter    Layer = "networkFilter"    // public addresses only, by a relay outside
	UserNamespace    Layer = "userNamespace"
	CgroupNamespace  Layer = "cgroupNamespace"
	OwnUID           Layer = "ownUid" // a host uid that no other session has
	NoCapabilities   Layer = "noCapabilities"
	NoNewPrivileges  Layer = "noNewPrivileges"
	Seccomp          Layer = "seccomp"          // a filter of system calls
	SeccompAllowList Layer = "seccompAllowList" // one that refuses what it does not name
	Landlock         Layer = "landlock"
	CgroupMemory     Layer = "cgroupMemory"
	CgroupPids       Layer = "cgroupPids"
	CgroupCPU        Layer = "cgroupCpu"
	ResourceLimits   Layer = "resourceLimits" // setrlimit(2)
	DiskQuota        Layer = "diskQuota"
	TreeKill         Layer = "treeKill" // the end of an execution ends its whole tree
	GVisor           Layer = "gvisor"
)

// Isolation is the set of layers in force and the score computed from them.
type Isolation struct {
	Score  int // 0 to 10
	Layers []Layer
}

// NewIsolation scores the layers by the table of docs/runtimes.md. It keeps
// the slice. Points come in tenths and are rounded down; without gVisor the
// score does not pass 9, for the rest share the host's kernel.
func NewIsolation(layers ...Layer) Isolation {
	has := make(map[Layer]bool, len(layers))
	for _, layer := range layers {
		has[layer] = true
	}
	tenths := 0
	for _, rule := range scoreRules {
		tenths += rule.points(has)
	}
	score := tenths / 10
	if !has[GVisor] {
		score = min(score, 9)
	}
	return Isolation{Score: min(score, 10), Layers: layers}
}

// LayersOf are the layers that hold limits which are in force: that of open files
// by setrlimit(2), those of the workspace by its quota, the others by a control
// group.
func LayersOf(l Limits) (layers []Layer) {
	for _, limit := range []struct {
		layer   Layer
		inForce bool
	}{
		{CgroupMemory, l.MemoryBytes > 0},
		{CgroupPids, l.Processes > 0},
		{CgroupCPU, l.CPUs > 0},
		{ResourceLimits, l.OpenFiles > 0 || l.ProcessMemoryBytes > 0},
		{DiskQuota, l.DiskBytes > 0},
	} {
		if limit.inForce {
			layers = append(layers, limit.layer)
		}
	}
	return layers
}

// Has reports whether the layer is in force.
func (i Isolation) Has(layer Layer) bool {
	for _, l := range i.Layers {
		if l == layer {
			return true
		}
	}
	return false
}

// scoreRule gives its tenths when all the layers are there; otherwise the next
// rule, if any, is tried.
type scoreRule struct {
	layers []Layer
	tenths int
	or     *scoreRule
}

func (r *scoreRule) points(has map[Layer]bool) int {
	for _, layer := range r.layers {
		if !has[layer] {
			if r.or != nil {
				return r.or.points(has)
			}
			return 0
		}
	}
	return r.tenths
}

var scoreRules = []scoreRule{
	{layers: []Layer{MountNamespace}, tenths: 15, or: &scoreRule{layers: []Layer{Landlock}, tenths: 10}},
	{layers: []Layer{MountNamespace, Landlock}, tenths: 5},
	{layers: []Layer{NoHostFiles}, tenths: 5},
	{layers: []Layer{PIDNamespace, IPCNamespace, UTSNamespace}, tenths: 10, or: &scoreRule{layers: []Layer{Landlock}, tenths: 5}},
	{layers: []Layer{NetworkNamespace}, tenths: 10, or: &scoreRule{
		layers: []Layer{NetworkFilter}, tenths: 5, or: &scoreRule{layers: []Layer{Landlock}, tenths: 5},
	}},
	{layers: []Layer{OwnUID}, tenths: 10},
	{layers: []Layer{NoCapabilities, NoNewPrivileges}, tenths: 5},
	{layers: []Layer{SeccompAllowList}, tenths: 20, or: &scoreRule{layers: []Layer{Seccomp}, tenths: 10}},
	{layers: []Layer{CgroupMemory, CgroupPids, CgroupCPU}, tenths: 10, or: &scoreRule{layers: []Layer{ResourceLimits}, tenths: 5}},
	{layers: []Layer{DiskQuota}, tenths: 5},
	{layers: []Layer{TreeKill}, tenths: 5},
	{layers: []Layer{GVisor}, tenths: 20},
}
