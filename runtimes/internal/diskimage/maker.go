// Package diskimage makes file systems of a fixed size out of room on the
// host's disk: an ext4 in a file, mounted through a loop device (loop(4)).
//
// The file has no name, so that no program can open it and nothing is left of
// it once the mount is gone, whoever ended the server. Its blocks are reserved
// when it is made (fallocate(2)): a program that was given so much room has it,
// however full the host's disk gets meanwhile. What is in it is thrown away
// with it, so there is no journal and no flush.
//
// mke2fs(8) formats one image of each size; the next ones are copies of the few
// blocks that it wrote.
package diskimage

import (
	"errors"
	"sync"
)

// Errors of a Maker.
var (
	// ErrNoTool: mke2fs(8) is not installed.
	ErrNoTool = errors.New("mke2fs is not installed (package e2fsprogs)")
	// ErrInMemory: the directory for the files is in memory itself.
	ErrInMemory = errors.New("the data directory is in memory")
	// ErrNoRoom: the host's disk has not so much room.
	ErrNoRoom = errors.New("the host's disk has not so much room left")
)

// Maker makes file systems. Its methods are safe for use by several goroutines.
type Maker struct {
	dir, mark string

	mu        sync.Mutex
	templates map[shape]*template

	tried sync.Once
	why   error
}

// New returns a Maker whose files take their room from the file system of dir.
// mark names the server's data directory where an operator lists loop devices.
func New(dir, mark string) *Maker {
	return &Maker{dir: dir, mark: mark, templates: make(map[shape]*template)}
}

// Available finds out by effect, once, whether one can be made.
// Errors: ErrNoTool, ErrInMemory, ErrNoRoom or what the kernel said.
func (m *Maker) Available() error {
	m.tried.Do(func() { m.why = m.try() })
	return m.why
}

// shape is what an image is formatted for.
type shape struct{ bytes, inodes int64 }

// template is a formatted image without its empty blocks.
type template struct {
	bytes  int64 // of the whole file
	blocks []block
}

// block is what is at an offset of an image.
type block struct {
	offset int64
	data   []byte
}

// templatesKept bounds the memory that templates take, some 150 KB each.
const templatesKept = 16

// template returns that of a shape, formatting one the first time.
func (m *Maker) template(s shape) (*template, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.templates[s]; t != nil {
		return t, nil
	}
	t, err := m.format(s)
	if err != nil {
		return nil, err
	}
	if len(m.templates) >= templatesKept {
		clear(m.templates)
	}
	m.templates[s] = t
	return t, nil
}
