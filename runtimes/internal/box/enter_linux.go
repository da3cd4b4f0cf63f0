package box

import (
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Enter makes the calling process, which must be the first of a started box,
// live in the layout of cfg. It changes the root and the working directory of
// the process to it and leaves no way back to the host's files.
//
// It needs CAP_SYS_ADMIN and CAP_NET_ADMIN in the process's user namespace and
// is to be called once, before privileges are dropped. After an error the
// process must exit: its mounts are in between.
func Enter(cfg Config) error {
	previous := unix.Umask(0)
	defer unix.Umask(previous)
	if err := enterEmptyRoot(cfg.Root); err != nil {
		return err
	}
	for _, build := range []func(Config) error{
		bindAll, makeDev, mountProc, makeScratch, bindWorkspace, makeLinks, writeFiles, plantSeeds, openPorts, maskProc, showProcessors,
	} {
		if err := build(cfg); err != nil {
			return err
		}
	}
	if err := leaveHost(); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(cfg.Hostname)); err != nil {
		return step("set hostname", cfg.Hostname, err)
	}
	return step("bring loopback up", "", loopbackUp())
}

// makeLinks makes the symlinks of the layout.
func makeLinks(cfg Config) error {
	for _, link := range cfg.Links {
		if err := makeParents(link.Target); err != nil {
			return step("link", link.Target, err)
		}
		if err := os.Symlink(link.To, link.Target); err != nil {
			return step("link", link.Target, err)
		}
	}
	return nil
}

// writeFiles writes the files of the layout.
func writeFiles(cfg Config) error {
	for _, file := range cfg.Files {
		if err := writeFile(cfg, file); err != nil {
			return step("write", file.Target, err)
		}
	}
	return nil
}

func writeFile(cfg Config, file File) error {
	makeDirectories := func() error { return makeParents(file.Target) }
	if file.Owned {
		makeDirectories = func() error { return makeOwned(cfg, path.Dir(file.Target)) }
	}
	if err := makeDirectories(); err != nil {
		return err
	}
	if err := os.WriteFile(file.Target, []byte(file.Content), 0o644); err != nil || !file.Owned {
		return err
	}
	return os.Chown(file.Target, cfg.UID, cfg.GID)
}
