package workspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Directory is the workspace of one session on this host:
//
//	Dir/SESSION        searchable by the session's group alone
//	Dir/SESSION/files  the workspace: a tmpfs, or a plain directory
//
// The upper one is the server's, so that a program cannot open its workspace
// to other users of the host. File commands are those of the Tree.
type Directory struct {
	*Tree
	manager *Manager
	session string
	base    string
	uid     int // 0: the server's

	mu           sync.Mutex
	asked        CreateOptions
	mounted      bool
	disk, inodes int64
	closed       bool
}

var _ runtimes.Workspace = (*Directory)(nil)

// Path is the directory on the host to bind to /workspace.
func (d *Directory) Path() string { return filepath.Join(d.base, "files") }

// Session is the id of the session it was made for.
func (d *Directory) Session() string { return d.session }

// UID is the host uid that owns the files and that programs run as.
func (d *Directory) UID() int {
	if d.uid != 0 {
		return d.uid
	}
	return os.Geteuid()
}

// GID is the host gid that goes with UID.
func (d *Directory) GID() int {
	if d.uid != 0 {
		return d.uid
	}
	return os.Getegid()
}

// OwnUID reports whether no other session has this uid.
func (d *Directory) OwnUID() bool { return d.uid != 0 }

// Limits are those in force, as the file system says; zero is none.
func (d *Directory) Limits() (diskBytes, inodes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.disk, d.inodes
}

// Defaults and floors of a workspace.
const (
	defaultDisk   = 1 << 30
	minInodes     = 1024
	bytesPerInode = 8 << 10
	pageSize      = 4 << 10
)

// size is the disk in bytes and inodes that a tmpfs gets.
func (o CreateOptions) size() (disk, inodes int64) {
	disk = o.DiskBytes
	if disk <= 0 {
		disk = defaultDisk
	}
	if o.MemoryBytes > 0 {
		disk = min(disk, o.MemoryBytes/2)
	}
	inodes = o.Inodes
	if inodes <= 0 {
		inodes = max(disk/bytesPerInode, minInodes)
	}
	return max(disk, pageSize), inodes
}

func (d *Directory) make(o CreateOptions) error {
	d.asked = o
	var owner *Owner
	if uids := d.manager.uids; uids != nil {
		uid, err := uids.take()
		if err != nil {
			return err
		}
		d.uid = uid
		owner = &Owner{UID: uid, GID: uid}
	}
	for _, dir := range []string{d.base, d.Path()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if d.uid != 0 {
		if err := errors.Join(os.Lchown(d.base, 0, d.uid), os.Chmod(d.base, 0o710), os.Lchown(d.Path(), d.uid, d.uid)); err != nil {
			return err
		}
	}
	disk, inodes := o.size()
	tree := TreeOptions{Owner: owner, MaxCopyBytes: o.DiskBytes}
	if d.manager.quota {
		if err := mountTmpfs(d.Path(), d.manager.source(), disk, inodes, d.uid); err != nil {
			return fmt.Errorf("mount tmpfs: %w", err)
		}
		d.mounted = true
		if err := d.readLimits(); err != nil {
			return err
		}
	}
	opened, err := OpenTree(d.Path(), tree)
	d.Tree = opened
	return err
}

func (d *Directory) readLimits() (err error) {
	d.disk, d.inodes, err = sizeOf(d.Path())
	return err
}

// Resize changes the limits of a workspace in use, as Create would have set
// them. It fails below what the files occupy now. Without a quota it does nothing.
func (d *Directory) Resize(diskBytes, memoryBytes int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.mounted {
		return nil
	}
	d.asked.DiskBytes, d.asked.MemoryBytes = diskBytes, memoryBytes
	disk, inodes := d.asked.size()
	if err := resizeTmpfs(d.Path(), disk, inodes); err != nil {
		return fmt.Errorf("resize workspace of %s: %w", d.session, err)
	}
	return d.readLimits()
}

// Close removes the files, whatever programs still hold: a tmpfs vanishes from
// the host at once and from memory with its last user. The uid is free again
// only when all of that has worked; Close may then be called again.
func (d *Directory) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	if d.Tree != nil {
		d.Tree.Close()
	}
	if d.mounted {
		if err := unmount(d.Path()); err != nil {
			return fmt.Errorf("unmount workspace of %s: %w", d.session, err)
		}
		d.mounted = false
	}
	if err := d.manager.removeBase(d.session); err != nil {
		return fmt.Errorf("remove workspace of %s: %w", d.session, err)
	}
	if d.uid != 0 {
		d.manager.uids.give(d.uid)
	}
	d.manager.release(d.session)
	d.closed = true
	return nil
}
