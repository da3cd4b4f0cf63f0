package cgroup

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// counter is a control file that stays open from its first use until Close:
// the kernel takes ten times as long to open one as to read it. The zero value
// is closed.
//
// No list of processes is kept: version 1 shows an open file the same list for
// up to a second.
type counter struct {
	mu   sync.Mutex
	file *os.File // closed also when the group is forgotten
}

// counters are the files by which the end of an execution is told.
type counters struct {
	tasks, limit, cpu, peak, memory, stat, oom, refused, refusedHere counter
}

func (c *counters) close() {
	for _, each := range []*counter{
		&c.tasks, &c.limit, &c.cpu, &c.peak, &c.memory, &c.stat, &c.oom, &c.refused, &c.refusedHere,
	} {
		each.close()
	}
}

// use opens the file, if it is not open, and calls f with it.
func (c *counter) use(dir, name string, flags int, f func(fd int) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		fd, err := open(dir, name, flags)
		if err != nil {
			return err
		}
		c.file = os.NewFile(uintptr(fd), dir+"/"+name)
	}
	if err := f(int(c.file.Fd())); err != nil {
		return &os.PathError{Op: "use", Path: c.file.Name(), Err: err}
	}
	return nil
}

// read returns the text, at most 4 KiB.
func (c *counter) read(dir, name string, flags int) (text []byte, err error) {
	err = c.use(dir, name, flags, func(fd int) error {
		var buffer [4 << 10]byte
		n, err := unix.Pread(fd, buffer[:], 0)
		text = append(text, buffer[:max(n, 0)]...)
		return err
	})
	return text, err
}

// number reads a count; see readNumber.
func (c *counter) number(dir, name string, flags int) (n int64, limited bool, err error) {
	text, err := c.read(dir, name, flags)
	if err != nil {
		return 0, false, err
	}
	return parseNumber(text, name)
}

// zero lets the count begin anew.
func (c *counter) zero(dir, name string) error {
	return c.use(dir, name, unix.O_RDWR, func(fd int) error {
		_, err := unix.Pwrite(fd, []byte("0"), 0)
		return err
	})
}

func (c *counter) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}

// Close closes files that are kept open for the next use of the group. The
// group stays as it is.
func (g *Group) Close() { g.counters.close() }
