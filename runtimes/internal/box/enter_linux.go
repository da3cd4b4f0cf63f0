package box

import (
	"fmt"
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

// host is where the host's root can be reached while a box is built.
const host = "/.host"

// enterEmptyRoot moves to a root on a new tmpfs with the host's root at host.
//
// The tmpfs is mounted on /tmp, which hides what the host has there only until
// pivot_root moves it away: sources below /tmp can be bound afterwards
// (pivot_root(2); the same order as bubblewrap's).
func enterEmptyRoot(bound Bound) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return step("make mounts private", "", err)
	}
	const base = "/tmp"
	if err := mountTmpfs(base, bound, "mode=755", 0); err != nil {
		return step("mount root", "", err)
	}
	if err := os.Mkdir(base+host, 0o700); err != nil {
		return step("mount root", "", err)
	}
	if err := unix.PivotRoot(base, base+host); err != nil {
		return step("pivot root", "", err)
	}
	return step("pivot root", "", os.Chdir("/"))
}

// leaveHost lets go of the host's root and makes the box's read-only.
func leaveHost() error {
	if err := unix.Unmount(host, unix.MNT_DETACH); err != nil {
		return step("leave host root", "", err)
	}
	if err := os.Remove(host); err != nil {
		return step("leave host root", "", err)
	}
	return step("make root read-only", "", restrict("/", unix.MOUNT_ATTR_RDONLY, false))
}

// mountTmpfs mounts a tmpfs of that size; options come besides.
func mountTmpfs(target string, bound Bound, options string, flags uintptr) error {
	if bound.Bytes > 0 {
		options += fmt.Sprintf(",size=%d", bound.Bytes)
	}
	if bound.Inodes > 0 {
		options += fmt.Sprintf(",nr_inodes=%d", bound.Inodes)
	}
	return unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|flags, options)
}

// makeParents makes the directories above a target.
func makeParents(target string) error { return os.MkdirAll(path.Dir(target), 0o755) }

// makeMountPoint makes a directory, or an empty file, to mount on. What is
// there already is fine.
func makeMountPoint(target string, directory bool) error {
	if _, err := os.Lstat(target); err == nil {
		return nil
	}
	if directory {
		return os.MkdirAll(target, 0o755)
	}
	if err := makeParents(target); err != nil {
		return err
	}
	return os.WriteFile(target, nil, 0o644)
}

// firstPort is, in the box's network namespace, the first port that anybody may
// bind (ip(7)). It is 1024 in a new one.
const firstPort = "/proc/sys/net/ipv4/ip_unprivileged_port_start"

// openPorts lets programs serve on port 80: nobody but themselves hears it there.
// A kernel without the setting (before 4.11), or one that does not let it be set,
// leaves it as it is.
//
// Whichever /proc it is set by, it is that of the process's own namespace. In a
// user namespace without a root the box's own cannot be written, for its files
// belong to nobody there.
func openPorts(Config) error {
	for _, file := range []string{firstPort, host + firstPort} {
		if os.WriteFile(file, []byte("0"), 0) == nil {
			break
		}
	}
	return nil
}

// loopbackUp brings up the only interface of the box's network namespace
// (netdevice(7)), so that programs can talk to themselves.
func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
