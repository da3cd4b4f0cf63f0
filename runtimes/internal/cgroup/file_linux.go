package cgroup

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	errBusy    = syscall.EBUSY
	errInvalid = syscall.EINVAL
)

// Control files are read and written on the path of every execution. Package
// os would ask epoll about each, which costs more than the file.

// open opens a control file. Where the group has no directory there is none.
func open(dir, name string, flags int) (fd int, err error) {
	if dir == "" {
		return -1, &os.PathError{Op: "open", Path: name, Err: unix.ENOENT}
	}
	path := dir + "/" + name
	fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

// write writes a control file in one write(2), as the kernel wants it.
func write(dir, name, value string) error {
	fd, err := open(dir, name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		return &os.PathError{Op: "write " + strconv.Quote(value), Path: dir + "/" + name, Err: err}
	}
	return nil
}

// readAll reads a whole control file.
func readAll(dir, name string) ([]byte, error) {
	fd, err := open(dir, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 512)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: dir + "/" + name, Err: err}
		case n == 0:
			return text, nil
		default:
			text = text[:len(text)+n]
			text = slices.Grow(text, max(1, cap(text)-len(text)))
		}
	}
}

func read(dir, name string) (string, error) {
	text, err := readAll(dir, name)
	return strings.TrimSpace(string(text)), err
}

// readNumber reads a count. "max", and the numbers by which version 1 means no
// limit, are zero with limited false.
func readNumber(dir, name string) (n int64, limited bool, err error) {
	text, err := readAll(dir, name)
	if err != nil {
		return 0, false, err
	}
	return parseNumber(text, name)
}

func parseNumber(text []byte, name string) (n int64, limited bool, err error) {
	value := string(bytes.TrimSpace(text))
	if value == "max" {
		return 0, false, nil
	}
	if n, err = strconv.ParseInt(value, 10, 64); err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	// Version 1 says the largest multiple of a page; -1 for cfs_quota_us.
	if n < 0 || n > math.MaxInt64-1<<20 {
		return 0, false, nil
	}
	return n, true, nil
}

// keyed is the number after a key in a text of "key number" lines.
func keyed(text []byte, key string) (n int64, found bool) {
	for line := range bytes.Lines(text) {
		if k, v, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" ")); ok && string(k) == key {
			n, err := strconv.ParseInt(string(v), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// number formats a limit for a file where "none" means no limit.
func number(n int64, none string) string {
	if n == 0 {
		return none
	}
	return strconv.FormatInt(n, 10)
}

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
