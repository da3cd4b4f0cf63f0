package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	kept         bool // the manager tries to remove it
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

// Fits reports whether Resize can make it what Create would have made for so
// much: it has to be of the same storage, and on disk of the same size.
func (d *Directory) Fits(diskBytes, memoryBytes int64, asked bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.asked
	o.DiskBytes, o.MemoryBytes, o.Asked = diskBytes, memoryBytes, asked
	m := d.manager
	switch {
	case !m.quota:
		return m.options.Storage.WantsDisk(&o) == m.options.Storage.WantsDisk(&d.asked)
	case d.inMemory:
		return !m.diskFor(&o)
	}
	return m.diskFor(&o) && o.DiskBytes == d.asked.DiskBytes
}

// Resize changes the limits of a workspace in use that Fits, as Create would
// have set them. It fails below what the files occupy now. Without a quota only
// what one copy may write changes.
func (d *Directory) Resize(diskBytes, memoryBytes int64, asked bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inMemory {
		o := d.asked
		o.DiskBytes, o.MemoryBytes = diskBytes, memoryBytes
		disk, inodes := o.size()
		if err := resizeTmpfs(d.Path(), disk, inodes); err != nil {
			return fmt.Errorf("resize workspace of %s: %w", d.session, err)
		}
	}
	d.asked.DiskBytes, d.asked.MemoryBytes, d.asked.Asked = diskBytes, memoryBytes, asked
	d.maxCopy.Store(diskBytes)
	if d.mounted == "" {
		return nil
	}
	return d.readLimits()
}

// Asked reports whether its size was asked for; see CreateOptions.
func (d *Directory) Asked() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked.Asked
}

// Close removes the files, whatever programs still hold: a tmpfs vanishes from
// the host at once and from memory with its last user. The uid is free again
// only when all of that has worked. After an error the manager tries again by
// itself, and Close may be called again.
func (d *Directory) Close() error {
	err := d.close()
	d.mu.Lock()
	keep := err != nil && !d.kept
	d.kept = d.kept || keep
	d.mu.Unlock()
	if keep {
		d.manager.left.Keep(d.manager.options.Logger, "the workspace "+d.base, d.close)
	}
	return err
}

func (d *Directory) close() error {
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

// Scratch are directories on the host for the places of an environment besides
// the workspace. They lie beside it and share its room.
type Scratch struct {
	// Home belongs to the session's user alone; Temporary is for /tmp.
	Home, Temporary string
}

// scratchPrefix begins the names of the directories that hold them; a number
// follows.
const scratchPrefix = "scratch-"

// Scratch makes the scratch directories of a new environment; those of the one
// before it are removed, for nothing but the workspace outlives that. Where the
// workspace lives in memory it returns nil: each place is to get memory of its
// own there.
func (d *Directory) Scratch(ctx context.Context) (*Scratch, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inMemory {
		return nil, nil
	}
	if err := d.removeScratch(ctx); err != nil {
		return nil, fmt.Errorf("remove the scratch directories of %s: %w", d.session, err)
	}
	d.scratches++
	top := filepath.Join(d.base, fmt.Sprint(scratchPrefix, d.scratches))
	s := &Scratch{Home: filepath.Join(top, "home"), Temporary: filepath.Join(top, "tmp")}
	for _, made := range []struct {
		path string
		mode fs.FileMode
		uid  int
	}{{top, 0o710, 0}, {s.Home, 0o700, d.uid}, {s.Temporary, 0o777 | fs.ModeSticky, d.uid}} {
		err := os.Mkdir(made.path, 0o700)
		if err == nil && d.uid != 0 {
			err = os.Lchown(made.path, made.uid, d.uid)
		}
		if err == nil {
			err = os.Chmod(made.path, made.mode)
		}
		if err != nil {
			return nil, fmt.Errorf("make the scratch directories of %s: %w", d.session, err)
		}
	}
	return s, nil
}

// removeScratch removes all that were made before.
func (d *Directory) removeScratch(ctx context.Context) error {
	if d.scratches == 0 {
		return nil
	}
	tree, err := OpenTree(d.base, TreeOptions{})
	if err != nil {
		return err
	}
	defer tree.Close()
	entries, err := os.ReadDir(d.base)
	errs := []error{err}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), scratchPrefix) {
			errs = append(errs, tree.removeAll(ctx, tree.root, entry.Name()))
		}
	}
	return errors.Join(errs...)
}

// Storage says where the files of sessions live.
type Storage uint8

// The storages. The zero value is what an operator gets who says nothing.
const (
	// Auto: in memory as long as the memory share of a session holds what was
	// asked for, else on disk.
	Auto Storage = iota
	// Memory: always in memory.
	Memory
	// Disk: always on disk.
	Disk
)

var storageNames = [...]string{Auto: "auto", Memory: "memory", Disk: "disk"}

// String is the name that ParseStorage takes.
func (s Storage) String() string { return storageNames[s] }

// ParseStorage reads the name of a storage.
func ParseStorage(name string) (Storage, error) {
	for i, known := range storageNames {
		if name == known {
			return Storage(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a valid storage: it must be %s", name, strings.Join(storageNames[:], ", "))
}

// Images makes file systems of a fixed size on disk.
type Images interface {
	// Available says why there are none here, nil where there are.
	Available() error
	// Mount makes one and mounts it at target; unmounting it removes it.
	Mount(ctx context.Context, target string, bytes, inodes int64) error
}

// MemoryShare is how much of its memory a session may use for the files of one
// place; zero where the session has no limit of memory.
func MemoryShare(memoryBytes int64) int64 { return max(memoryBytes, 0) / 2 }

// WantsDisk reports whether the files of a session are to be on disk.
func (s Storage) WantsDisk(o *CreateOptions) bool {
	switch s {
	case Memory:
		return false
	case Disk:
		return true
	}
	return o.Asked && o.MemoryBytes > 0 && o.DiskBytes > MemoryShare(o.MemoryBytes)
}

// check refuses a storage that this host cannot have.
func (m *Manager) check() error {
	switch {
	case m.options.Storage == Memory && !m.quota:
		return fmt.Errorf("the storage %v cannot be had: %s", Memory, m.why)
	case m.options.Storage == Disk && m.quota:
		if err := m.images(); err != nil {
			return fmt.Errorf("the storage %v cannot be had: %w", Disk, err)
		}
	}
	return nil
}

// images says why none can be made.
func (m *Manager) images() error {
	if m.options.Images == nil {
		return errors.New("nothing makes images here")
	}
	return m.options.Images.Available()
}

// OnDisk reports whether a session can have more than its share of memory, and
// why not. The first call tries it.
func (m *Manager) OnDisk() (possible bool, reason string) {
	switch {
	case !m.quota:
		return true, "" // plain directories
	case m.options.Storage == Memory:
		return false, "the server keeps the files of sessions in memory (--workspace-storage)"
	}
	if err := m.images(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// diskFor reports whether a session gets an image. Where none can be had it is
// served from memory, and its limits say so.
func (m *Manager) diskFor(o *CreateOptions) bool {
	return m.quota && m.options.Storage.WantsDisk(o) && m.images() == nil
}

// Storage is where the operator wants the files of sessions.
func (m *Manager) Storage() Storage { return m.options.Storage }
