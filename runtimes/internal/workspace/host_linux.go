package workspace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/procfs"
)

// lockDirectory takes the lock of a Dir for the life of the file.
func lockDirectory(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, err
	}
	return f, nil
}

// lockUID locks the byte of the file at the offset of the uid, with an open
// file description lock (fcntl(2)): it ends with the server, however that dies,
// and all of them cost one handle.
func lockUID(f *os.File, uid int) (bool, error) {
	err := uidLock(f, uid, unix.F_WRLCK)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

func unlockUID(f *os.File, uid int) error { return uidLock(f, uid, unix.F_UNLCK) }

func uidLock(f *os.File, uid int, kind int16) error {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: int64(uid), Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
}

// tmpfsFlags of a workspace. Programs are built and run in it, so not noexec.
const tmpfsFlags = unix.MS_NOSUID | unix.MS_NODEV

// mountTmpfs mounts a tmpfs whose top belongs to uid (tmpfs(5)).
func mountTmpfs(dir, source string, size, inodes int64, uid int) error {
	data := fmt.Sprintf("size=%d,nr_inodes=%d,mode=0700,uid=%d,gid=%d", size, inodes, uid, uid)
	return unix.Mount(source, dir, "tmpfs", tmpfsFlags, data)
}

func resizeTmpfs(dir string, size, inodes int64) error {
	return unix.Mount("", dir, "", tmpfsFlags|unix.MS_REMOUNT, fmt.Sprintf("size=%d,nr_inodes=%d", size, inodes))
}

// unmount detaches every mount at dir, in use or not.
func unmount(dir string) error {
	for {
		err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			return nil // no mount there, or no more
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
}

// sizeOf reads back what a file system enforces: all of it, or what is free.
func sizeOf(dir string, free bool) (bytes, inodes int64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, 0, fmt.Errorf("read limits of workspace: %w", err)
	}
	if free {
		return int64(fs.Bavail) * fs.Bsize, int64(fs.Ffree), nil
	}
	return int64(fs.Blocks) * fs.Bsize, int64(fs.Files), nil
}

// mountsBelow lists the mount points below dir, the last mounted first.
func mountsBelow(dir string) ([]string, error) {
	mounts, err := procfs.Mounts("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for _, m := range slices.Backward(mounts) {
		if strings.HasPrefix(m.Point, dir+"/") {
			points = append(points, m.Point)
		}
	}
	return points, nil
}

// Reserve makes sure of space for a part of a file, holes included, without
// changing what it holds or how long it is (fallocate(2)).
// Errors: errors.ErrUnsupported where the file system cannot.
func Reserve(f *os.File, offset, length int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, offset, length)
		if !errors.Is(err, unix.EINTR) { // a tmpfs stops at signals
			return err
		}
	}
}

// allocated is how much space a file has, in bytes; zero where that is not known.
func allocated(f *os.File) int64 {
	var stat unix.Stat_t
	if unix.Fstat(int(f.Fd()), &stat) != nil {
		return 0
	}
	return stat.Blocks * 512
}

// exchangePays reports whether swap should use RENAME_EXCHANGE in dir.
func exchangePays(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Type == unix.EXT4_SUPER_MAGIC
}

// exchange swaps two names, each a single element below an open directory.
func exchange(dir1 *os.File, name1 string, dir2 *os.File, name2 string) error {
	return unix.Renameat2(int(dir1.Fd()), name1, int(dir2.Fd()), name2, unix.RENAME_EXCHANGE)
}
