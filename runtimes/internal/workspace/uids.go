package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

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
		return nil, fmt.Errorf("uids %d to %d are no range", o.FirstUID, o.LastUID)
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
