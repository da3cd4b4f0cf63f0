package boxed

import (
	"slices"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// user is who programs run as, as the box counts.
type user struct{ uid, gid int }

// directories are those of a session on the host; home and temporary are "" for
// a memory of their own.
type directories struct {
	workspace, home, temporary string
	// asked: the session asked for room on disk. Else a cache that starts full
	// of links or copies is in memory even where HOME is not: thousands of files
	// take seconds to make on a disk.
	asked bool
}

// layout makes the box of a kit for a language. The files are directories of
// the host without symlinks; the memory of the spec bounds what the places may
// hold that live in memory, zero is unknown.
func layout(kit *Kit, language *Language, base box.Base, u user, files directories, spec *runtimes.Spec) box.Config {
	cfg := box.Config{
		Hostname:  spec.MachineName(),
		Root:      box.Bound{Bytes: 1 << 20, Inodes: 1024},
		UID:       u.uid,
		GID:       u.gid,
		Binds:     slices.Concat(base.Binds, kit.Binds),
		Links:     append(slices.Clone(base.Links), box.Link{Target: "/var/tmp", To: temporary}),
		Files:     etcFiles(u, spec),
		Scratch:   scratch(files, spec.Limits.MemoryBytes),
		Workspace: files.workspace,
	}
	for _, program := range kit.Programs {
		addProgram(&cfg, program)
	}
	if language != nil && language.Warm.layout(&cfg) && !language.Warm.Whole && files.home != "" && !files.asked {
		cfg.Scratch = append(cfg.Scratch, box.Scratch{Target: language.Warm.Target, Bound: inMemory(spec.Limits.MemoryBytes), Mode: 0o755})
	}
	return cfg
}

// addProgram makes a program the first of its name on PATH: by a link to where
// it is visible, so that it finds what lies beside it, else by showing it.
func addProgram(cfg *box.Config, program Program) {
	target := toolsTarget + "/" + program.Name
	visible := inSystem(program.Path) || slices.ContainsFunc(cfg.Binds, func(b box.Bind) bool {
		return b.Source == b.Target && within(program.Path, b.Target)
	})
	if visible {
		cfg.Links = append(cfg.Links, box.Link{Target: target, To: program.Path})
		return
	}
	cfg.Binds = append(cfg.Binds, box.Bind{Source: program.Path, Target: target})
}

// etcFiles name the box's user and nobody else of the host, the box itself, and
// whom to ask for other names.
func etcFiles(u user, spec *runtimes.Spec) []box.File {
	name := spec.MachineName()
	return []box.File{
		{Target: "/etc/passwd", Content: surroundings.Passwd(u.uid, u.gid)},
		{Target: "/etc/group", Content: surroundings.Group(u.gid)},
		{Target: "/etc/hosts", Content: surroundings.Hosts(name)},
		{Target: "/etc/hostname", Content: name + "\n"},
		{Target: "/etc/nsswitch.conf", Content: surroundings.NameServices},
		{Target: "/etc/resolv.conf", Content: surroundings.Resolver(spec.Network)},
	}
}

// unknownMemory stands for the memory of a session that has no limit, when
// the places in memory are sized.
const unknownMemory = 512 << 20

// Bounds of a place in memory: least is what the smallest session gets; the Go
// command alone makes 5000 links in its cache.
const (
	leastScratch       = 1 << 20
	leastScratchInodes = 8 << 10
	bytesPerInode      = 8 << 10
)

// inMemory bounds a place that lives in memory to half of the session's, which
// bounds all of them together.
func inMemory(memory int64) box.Bound {
	if memory <= 0 {
		memory = unknownMemory
	}
	share := max(workspace.MemoryShare(memory), leastScratch)
	return box.Bound{Bytes: share, Inodes: max(share/bytesPerInode, leastScratchInodes)}
}

// scratch are the writable directories beside the workspace.
func scratch(files directories, memory int64) []box.Scratch {
	bound := inMemory(memory)
	return []box.Scratch{
		{Target: temporary, Source: files.temporary, Bound: bound, Mode: 0o1777},
		{Target: Home, Source: files.home, Bound: bound, Mode: 0o755},
		{Target: sharedMemory, Bound: bound, Mode: 0o1777, NoExec: true},
	}
}

// Where things are in a box.
const (
	// Home is the home directory of the box's user, writable and gone with
	// the environment.
	Home = surroundings.Home
	// toolsTarget is the first directory of the system's on PATH.
	toolsTarget = "/opt/codebeaker/bin"
	warmTarget  = "/opt/codebeaker/warm"
	// temporary and sharedMemory are the other writable places.
	temporary    = "/tmp"
	sharedMemory = "/dev/shm"
)
