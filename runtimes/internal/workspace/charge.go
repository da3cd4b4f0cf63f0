package workspace

import (
	"errors"
	"os"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/runtimes"
)

// A Charge allocates a part of an open file, as Reserve does, from where its
// memory is charged to the session. grows is how much memory that may take at
// most. Errors: syscall.ENOMEM where the session has too little; ErrUnsupported
// and runtimes.ErrEnvironmentLost where nothing can be charged.
type Charge func(f *os.File, offset, length, grows int64) error

// ChargeTo has the memory of files that commands write charged to a session, as
// that of files which its programs write. The kernel charges a page of a tmpfs
// to the process that first touches it, which else is the server. It does
// nothing where files are not in memory.
func (d *Directory) ChargeTo(c Charge) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inMemory && d.Tree != nil {
		d.charge.session.Store(&c)
	}
}

// charging is how a Tree has its files charged. The zero value charges nothing.
type charging struct {
	session atomic.Pointer[Charge]
	// small counts what small writes took that were not charged.
	small atomic.Int64
}

// A write of less than chargeAtLeast bytes is not charged, for that takes a
// quarter of a millisecond, as long as the write itself and more, until
// smallWrites bytes of a workspace have not been.
const (
	chargeAtLeast = 1 << 20
	smallWrites   = 16 << 20
)

// to charges a part of a file, which is then allocated.
func (c *charging) to(f *os.File, offset, length int64) error {
	session := c.session.Load()
	if session == nil || length == 0 {
		return nil
	}
	if pages := (length + pageSize - 1) / pageSize * pageSize; length < chargeAtLeast && c.small.Add(pages) <= smallWrites {
		return nil
	}
	err := (*session)(f, offset, length, max(offset+length-allocated(f), 0))
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, runtimes.ErrEnvironmentLost) {
		return nil
	}
	return err
}
