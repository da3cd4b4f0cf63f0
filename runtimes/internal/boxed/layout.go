package boxed

import (
	"slices"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

// user is who programs run as, as the box counts.
type user struct{ uid, gid int }

// layout makes the box of a kit for a language. The workspace is a directory
// of the host without symlinks; the memory of the spec bounds what scratch
// directories may hold, for they live in memory.
func layout(kit *Kit, language *Language, base box.Base, u user, workspace string, spec *runtimes.Spec) box.Config {
	cfg := box.Config{
		Hostname:  surroundings.HostName(spec.Session),
		Root:      box.Bound{Bytes: 1 << 20, Inodes: 1024},
		UID:       u.uid,
		GID:       u.gid,
		Binds:     slices.Concat(base.Binds, kit.Binds),
		Links:     append(slices.Clone(base.Links), box.Link{Target: "/var/tmp", To: "/tmp"}),
		Files:     etcFiles(u, spec),
		Scratch:   scratch(spec.Limits.MemoryBytes),
		Workspace: workspace,
	}
	for _, program := range kit.Programs {
		addProgram(&cfg, program)
	}
	if language != nil {
		language.Warm.layout(&cfg)
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
	name := surroundings.HostName(spec.Session)
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
// scratch directories are sized.
const unknownMemory = 512 << 20

// scratch bounds the writable directories: together they may take all of the
// session's memory, which bounds them too where it is enforced.
func scratch(memory int64) []box.Scratch {
	if memory <= 0 {
		memory = unknownMemory
	}
	bound := func(bytes int64) box.Bound {
		return box.Bound{Bytes: max(bytes, 1<<20), Inodes: min(max(bytes>>13, 1024), 1<<16)}
	}
	return []box.Scratch{
		{Target: "/tmp", Bound: bound(memory / 4), Mode: 0o1777},
		{Target: Home, Bound: bound(memory / 2), Mode: 0o755},
		{Target: "/dev/shm", Bound: bound(min(memory/4, 64<<20)), Mode: 0o1777, NoExec: true},
	}
}
