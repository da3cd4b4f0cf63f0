package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Directory is the workspace of one session on this host:
//
//	Dir/SESSION            searchable by the session's group alone; on disk a mount
//	Dir/SESSION/files      the workspace: a tmpfs where it is in memory
//	Dir/SESSION/scratch-N  see Scratch; none where the workspace is in memory
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
	mounted      string // the mount point, "" without a mount
	inMemory     bool
	disk, inodes int64
	scratches    int // made so far
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

// WantsDisk reports whether its files are to be on disk by what was asked for.
func (d *Directory) WantsDisk() bool { return d.manager.options.Storage.WantsDisk(&d.asked) }

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
	// scratchInodes are those of an image for what environments start with in
	// the home directory: the Go command alone has 5000 links in its cache.
	scratchInodes = 16 << 10
)

// size is the disk in bytes and inodes that a tmpfs gets.
func (o CreateOptions) size() (disk, inodes int64) {
	disk = o.DiskBytes
	if disk <= 0 {
		disk = defaultDisk
	}
	if share := MemoryShare(o.MemoryBytes); share > 0 {
		disk = min(disk, share)
	}
	inodes = o.Inodes
	if inodes <= 0 {
		inodes = max(disk/bytesPerInode, minInodes)
	}
	return max(disk, pageSize), inodes
}

// sizeOnDisk is the disk in bytes and inodes that an image gets.
func (o CreateOptions) sizeOnDisk() (disk, inodes int64) {
	o.MemoryBytes = 0
	disk, inodes = o.size()
	if o.Inodes <= 0 {
		inodes += scratchInodes
	}
	return max(disk, leastImage), inodes
}

// leastImage is below what any place can do with.
const leastImage = 1 << 20

func (d *Directory) make(ctx context.Context, o CreateOptions) error {
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
	if err := os.Mkdir(d.base, 0o700); err != nil {
		return err
	}
	if err := d.mountOnDisk(ctx); err != nil {
		return err
	}
	if err := os.Mkdir(d.Path(), 0o700); err != nil {
		return err
	}
	if d.uid != 0 {
		if err := errors.Join(os.Lchown(d.base, 0, d.uid), os.Chmod(d.base, 0o710), os.Lchown(d.Path(), d.uid, d.uid)); err != nil {
			return err
		}
	}
	if err := d.mountInMemory(); err != nil {
		return err
	}
	opened, err := OpenTree(d.Path(), TreeOptions{Owner: owner, MaxCopyBytes: o.DiskBytes})
	d.Tree = opened
	return err
}

// mountOnDisk mounts an image at the base, where the session is given one.
func (d *Directory) mountOnDisk(ctx context.Context) error {
	m := d.manager
	if !m.diskFor(&d.asked) {
		return nil
	}
	disk, inodes := d.asked.sizeOnDisk()
	if err := m.options.Images.Mount(ctx, d.base, disk, inodes); err != nil {
		return fmt.Errorf("make room on disk: %w", err)
	}
	d.mounted = d.base
	return d.readLimits()
}

// mountInMemory mounts a tmpfs at the files, unless they are on disk or without
// a quota.
func (d *Directory) mountInMemory() error {
	if !d.manager.quota || d.mounted != "" {
		return nil
	}
	disk, inodes := d.asked.size()
	if err := mountTmpfs(d.Path(), d.manager.source(), disk, inodes, d.uid); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	d.mounted, d.inMemory = d.Path(), true
	return d.readLimits()
}

// readLimits asks the file system what there is room for. Of an image that is
// what is free of it, since it takes something itself; some blocks that nobody
// asked for are not told.
func (d *Directory) readLimits() (err error) {
	d.disk, d.inodes, err = sizeOf(d.mounted, !d.inMemory)
	if asked, _ := d.asked.sizeOnDisk(); !d.inMemory {
		d.disk = min(d.disk, asked)
	}
	return err
}

// Resize changes the limits of a workspace in use, as Create would have set
// them. It fails below what the files occupy now. Without a quota, and on disk,
// it does nothing.
func (d *Directory) Resize(diskBytes, memoryBytes int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.inMemory {
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
	if d.mounted != "" {
		if err := unmount(d.mounted); err != nil {
			return fmt.Errorf("unmount workspace of %s: %w", d.session, err)
		}
		d.mounted = ""
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
