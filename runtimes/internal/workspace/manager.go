package workspace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes/internal/leftover"
)

// Options set up a Manager.
type Options struct {
	// Dir holds one directory per session. It is made if missing, with mode
	// 0711; the directories above it must be searchable by the uids of
	// sessions, and writable by the server's user alone.
	Dir string
	// Mark names this data directory in the source of its mounts.
	Mark string
	// FirstUID and LastUID are the host uids given to sessions by a server
	// that is root. Zero means 200000 and 265535.
	FirstUID, LastUID int
	// UIDLock is the file through which servers on one host agree on uids.
	// Empty means /run/codebeaker/uids.lock or, where that cannot be made,
	// uids.lock in Dir.
	UIDLock string
	// Plain makes ordinary directories even where a tmpfs could be had.
	Plain bool
	// Storage says where files live. A server that is not root has plain
	// directories, which are on disk.
	Storage Storage
	// Images makes room on disk for a server that is root; nil makes none.
	Images Images
	// Logger may be nil.
	Logger *slog.Logger
}

// The range of uids when Options gives none. It lies above the users of a host
// and the usual ranges of subuid(5).
const (
	DefaultFirstUID = 200_000
	DefaultLastUID  = 265_535
)

// Manager makes the directories of sessions. One Manager works on a Dir at a
// time, on the whole host. Its methods are safe for use by several goroutines.
type Manager struct {
	options Options
	lock    *os.File
	uids    *uidRange // nil: sessions run as the server's user
	quota   bool      // a tmpfs per session
	why     string

	left leftover.Keeper

	mu   sync.Mutex
	live map[string]*Directory // nil while it is made
}

// New prepares Dir and finds out by effect what this host allows.
// Errors: ErrInUse; a Storage that cannot be had here.
func New(o Options) (*Manager, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("workspaces: %w", err)
	}
	o.Dir = dir
	if o.FirstUID == 0 {
		o.FirstUID, o.LastUID = DefaultFirstUID, DefaultLastUID
	}
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("workspaces: %w", err)
	}
	if err := os.Chmod(o.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("workspaces: %w", err)
	}
	lock, err := lockDirectory(filepath.Join(o.Dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("workspaces: %w", err)
	}
	m := &Manager{options: o, lock: lock, live: make(map[string]*Directory)}
	if err := errors.Join(m.probe(), m.check()); err != nil {
		m.Close()
		return nil, fmt.Errorf("workspaces: %w", err)
	}
	return m, nil
}

// lockName is the only name in Dir that is no session's: those have no
// underscore.
const lockName = "lock_"

// probe decides between a uid and a tmpfs per session and plain directories.
func (m *Manager) probe() error {
	if os.Geteuid() != 0 {
		m.why = "the server is not root"
		return nil
	}
	trial := filepath.Join(m.options.Dir, "probe_")
	defer os.Remove(trial)
	if err := os.Mkdir(trial, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	// In a user namespace root may not own every uid.
	if err := os.Lchown(trial, m.options.LastUID, m.options.LastUID); err != nil {
		m.why = fmt.Sprintf("files cannot be given to uid %d: %v", m.options.LastUID, err)
		return nil
	}
	uids, err := newUIDRange(m.options)
	if err != nil {
		return err
	}
	m.uids = uids
	if m.options.Plain {
		m.why = "plain directories were asked for"
		return nil
	}
	if err := mountTmpfs(trial, m.source(), 1<<20, 16, m.options.LastUID); err != nil {
		m.why = fmt.Sprintf("a tmpfs cannot be mounted: %v", err)
		return nil
	}
	m.quota = true
	return unmount(trial)
}

func (m *Manager) source() string { return "codebeaker-" + m.options.Mark }

// Quota reports whether the disk limit of a session is enforced, and why not.
func (m *Manager) Quota() (enforced bool, reason string) { return m.quota, m.why }

// OwnUID reports whether each session gets a host uid of its own.
func (m *Manager) OwnUID() bool { return m.uids != nil }

// CreateOptions describe the workspace of a session.
type CreateOptions struct {
	// Session has letters, digits, '.' and '-' only, and starts with neither
	// of the last.
	Session string
	// DiskBytes is the size asked for; zero means 1 GiB.
	DiskBytes int64
	// Asked: a client asked for DiskBytes. Where memory does not hold as much,
	// the workspace is made on disk.
	Asked bool
	// MemoryBytes is the memory limit of the session. A tmpfs lives in memory
	// and gets no more than half of it; zero does not bound it.
	MemoryBytes int64
	// Inodes is how many files there may be; zero means one for 8 KiB of disk,
	// at least 1024.
	Inodes int64
}

// maxSessionName is the longest name of a session, in bytes.
const maxSessionName = 128

// validSession reports whether the name is one that CreateOptions allows. It is
// no regular expression: this package is part of the agent too, and compiling
// one would be most of its start.
func validSession(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return name != "" && len(name) <= maxSessionName
}

// Create makes the workspace of a session. On an error nothing is left.
// Errors: ErrExists, ErrNoUID; ctx's cause.
func (m *Manager) Create(ctx context.Context, o CreateOptions) (*Directory, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if !validSession(o.Session) {
		return nil, fmt.Errorf("workspace: %q cannot name a session", o.Session)
	}
	if !m.reserve(o.Session) {
		return nil, fmt.Errorf("workspace of %s: %w", o.Session, ErrExists)
	}
	d := &Directory{manager: m, session: o.Session, base: filepath.Join(m.options.Dir, o.Session)}
	if err := d.make(ctx, o); err != nil {
		// Close also forgets the reservation; what it cannot undo is reported, and
		// tried again.
		return nil, fmt.Errorf("workspace of %s: %w", o.Session, errors.Join(err, d.Close()))
	}
	m.mu.Lock()
	m.live[o.Session] = d
	m.mu.Unlock()
	return d, nil
}

// reserve takes the name of a session unless it is taken.
func (m *Manager) reserve(session string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.live[session]; taken {
		return false
	}
	m.live[session] = nil
	return true
}

func (m *Manager) release(session string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.live, session)
}

func (m *Manager) isLive(session string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, live := m.live[session]
	return live
}

// Close gives the locks back. Directories are closed before, by their owners;
// those that could not be removed are tried once more.
func (m *Manager) Close() error {
	err := m.left.Close()
	if m.uids != nil {
		err = errors.Join(err, m.uids.close())
	}
	return errors.Join(err, m.lock.Close())
}

// Sweep removes the workspaces that an earlier life of Dir left: mounts first,
// then directories. Those of this Manager's living sessions stay.
func (m *Manager) Sweep(ctx context.Context) error {
	points, err := mountsBelow(m.options.Dir)
	if err != nil {
		return fmt.Errorf("sweep workspaces: %w", err)
	}
	var failed []error
	for _, point := range points {
		if !m.isLive(sessionOf(m.options.Dir, point)) {
			failed = append(failed, unmount(point))
		}
	}
	entries, err := os.ReadDir(m.options.Dir)
	failed = append(failed, err)
	for _, entry := range entries {
		name := entry.Name()
		if name == lockName || name == uidLockName || m.isLive(name) {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		failed = append(failed, m.remove(ctx, name))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("sweep workspaces: %w", err)
	}
	return nil
}

// sessionOf is the name below dir that a mount point belongs to.
func sessionOf(dir, point string) string {
	session, _, _ := strings.Cut(strings.TrimPrefix(point, dir+string(filepath.Separator)), string(filepath.Separator))
	return session
}

// removeBase removes the directory of a session that has ended.
func (m *Manager) removeBase(session string) error {
	// Not the caller's context: half a workspace helps nobody.
	err := m.remove(context.Background(), session)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// remove removes name below Dir through a handle: a program may still be
// writing in it.
func (m *Manager) remove(ctx context.Context, name string) error {
	tree, err := OpenTree(m.options.Dir, TreeOptions{})
	if err != nil {
		return err
	}
	defer tree.Close()
	return tree.removeAll(ctx, tree.root, name)
}

// uidRange gives host uids to sessions, none to two at a time. One that was
// given back is the last to be given again, for a program of the old session
// may take a moment to die.
type uidRange struct {
	first, count int
	lock         *os.File // see lockUID

	mu    sync.Mutex
	next  int // offset to try first
	taken map[int]bool
}

const (
	uidLockDirectory = "/run/codebeaker"
	uidLockName      = "uids_.lock"
)

func newUIDRange(o Options) (*uidRange, error) {
	if o.FirstUID <= 0 || o.LastUID < o.FirstUID {
		return nil, fmt.Errorf("uids %d to %d are not a range", o.FirstUID, o.LastUID)
	}
	lock, err := openUIDLock(o)
	if err != nil {
		return nil, err
	}
	return &uidRange{first: o.FirstUID, count: o.LastUID - o.FirstUID + 1, lock: lock, taken: make(map[int]bool)}, nil
}

func openUIDLock(o Options) (*os.File, error) {
	open := func(name string) (*os.File, error) { return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) }
	if o.UIDLock != "" {
		return open(o.UIDLock)
	}
	if err := os.MkdirAll(uidLockDirectory, 0o700); err == nil {
		if f, err := open(filepath.Join(uidLockDirectory, "uids.lock")); err == nil {
			return f, nil
		}
	}
	return open(filepath.Join(o.Dir, uidLockName))
}

// take finds a uid that no session of any server on this host has.
// Errors: ErrNoUID.
func (r *uidRange) take() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range r.count {
		uid := r.first + r.next
		r.next = (r.next + 1) % r.count
		if r.taken[uid] {
			continue
		}
		ok, err := lockUID(r.lock, uid)
		if err != nil {
			return 0, fmt.Errorf("lock uid %d: %w", uid, err)
		}
		if ok {
			r.taken[uid] = true
			return uid, nil
		}
	}
	return 0, ErrNoUID
}

func (r *uidRange) give(uid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.taken, uid)
	// A lock that stays costs a uid until the server ends, no more.
	_ = unlockUID(r.lock, uid)
}

func (r *uidRange) close() error { return r.lock.Close() }
