package boxed

import (
	"fmt"
	"slices"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

// user is who programs run as, as the box counts.
type user struct{ uid, gid int }

// layout makes the box of a kit for a language. The workspace is a directory
// of the host without symlinks; memory bounds what scratch directories may
// hold, for they live in memory, zero is unknown.
func layout(kit *Kit, language *Language, base box.Base, u user, workspace string, memory int64) box.Config {
	cfg := box.Config{
		Hostname:  "codebeaker",
		Root:      box.Bound{Bytes: 1 << 20, Inodes: 1024},
		UID:       u.uid,
		GID:       u.gid,
		Binds:     slices.Concat(base.Binds, kit.Binds),
		Links:     append(slices.Clone(base.Links), box.Link{Target: "/var/tmp", To: "/tmp"}),
		Files:     accountFiles(u),
		Scratch:   scratch(memory),
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

// accountFiles name the box's user and nobody else of the host, and make names
// resolve to the box itself only.
func accountFiles(u user) []box.File {
	return []box.File{
		{Target: "/etc/passwd", Content: fmt.Sprintf(
			"root:x:0:0:root:/:/usr/sbin/nologin\n%s:x:%d:%d::%s:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
			userName, u.uid, u.gid, Home)},
		{Target: "/etc/group", Content: fmt.Sprintf("root:x:0:\n%s:x:%d:\nnogroup:x:65534:\n", userName, u.gid)},
		{Target: "/etc/hosts", Content: "127.0.0.1 localhost codebeaker\n::1 localhost codebeaker\n"},
		{Target: "/etc/hostname", Content: "codebeaker\n"},
		{Target: "/etc/nsswitch.conf", Content: "passwd: files\ngroup: files\nhosts: files\n"},
		{Target: "/etc/resolv.conf"},
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
