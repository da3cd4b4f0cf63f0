package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

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
	return 0, fmt.Errorf("%q is no storage: it must be %s", name, strings.Join(storageNames[:], ", "))
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
