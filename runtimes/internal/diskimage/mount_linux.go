package diskimage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// try makes a small one.
func (m *Maker) try() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(m.dir, &fs); err != nil {
		return err
	}
	if fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC {
		return ErrInMemory
	}
	target, err := os.MkdirTemp(m.dir, "trial_")
	if err != nil {
		return err
	}
	defer os.Remove(target)
	if err := m.Mount(context.Background(), target, 4<<20, 1024); err != nil {
		return err
	}
	return unix.Unmount(target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
}

// mountOptions of an image, ext4(5): a disk that fails is not written to any
// more, and nothing is flushed for what dies with the session.
const mountOptions = "errors=remount-ro,noinit_itable,nobarrier,noauto_da_alloc"

// Mount makes a file system with so much room and mounts it at target, without
// set-user-id programs and devices. Its top belongs to root. Unmounting it
// removes it.
// Errors: ErrNoTool; ErrNoRoom; ctx's cause.
func (m *Maker) Mount(ctx context.Context, target string, bytes, inodes int64) error {
	t, err := m.template(shape{bytes, inodes})
	if err != nil {
		return err
	}
	file, err := m.write(t)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	device, err := attach(file, "codebeaker-"+m.mark)
	if err != nil {
		return fmt.Errorf("attach a loop device: %w", err)
	}
	defer device.Close() // the mount keeps it
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOATIME
	if err := unix.Mount(device.Name(), target, "ext4", flags, mountOptions); err != nil {
		return fmt.Errorf("mount an image: %w", err)
	}
	// What ext4 sets aside for itself is room of the session. A kernel without
	// that file has some less, as is read back.
	_ = os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(device.Name()), "reserved_clusters"), []byte("0"), 0)
	return nil
}

// write makes the file of an image, all of it reserved.
func (m *Maker) write(t *template) (*os.File, error) {
	if err := m.spare(t.bytes); err != nil {
		return nil, err
	}
	file, err := nameless(m.dir)
	if err != nil {
		return nil, err
	}
	err = allocate(file, t.bytes)
	for i := 0; err == nil && i < len(t.blocks); i++ {
		_, err = file.WriteAt(t.blocks[i].data, t.blocks[i].offset)
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		err = fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// What is left to the host: a twentieth of the file system, within bounds.
const (
	leastSpare = 256 << 20
	mostSpare  = 10 << 30
)

// spare refuses an image that would leave the host too little.
func (m *Maker) spare(bytes int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(m.dir, &fs); err != nil {
		return err
	}
	whole, free := int64(fs.Blocks)*fs.Bsize, int64(fs.Bavail)*fs.Bsize
	if left := min(max(whole/20, leastSpare), mostSpare); free-bytes < left {
		return fmt.Errorf("%w: %d MB are free, %d MB wanted, %d MB are left to the host: %w",
			ErrNoRoom, free>>20, bytes>>20, left>>20, unix.ENOSPC)
	}
	return nil
}

// nameless makes a file without a name, open(2).
func nameless(dir string) (*os.File, error) {
	file, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o600)
	if err == nil {
		return file, nil
	}
	// A file system without O_TMPFILE.
	if file, err = os.CreateTemp(dir, "image_"); err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// allocate gives a file its blocks. Where the file system cannot reserve any
// they are taken as they are written.
func allocate(file *os.File, bytes int64) error {
	for {
		err := unix.Fallocate(int(file.Fd()), 0, 0, bytes)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return file.Truncate(bytes)
		}
		return err
	}
}

// attachTries bounds how often another program may take the device that was
// free a moment ago.
const attachTries = 64

// attach puts a file behind a free loop device, which is free again with the
// last use of it: nothing has to be done about it later. name is what losetup(8)
// shows.
func attach(file *os.File, name string) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for range attachTries {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", number), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		if err = configure(device, file, name); err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EAGAIN) {
			return nil, err
		}
	}
	return nil, unix.EBUSY
}

func configure(device, file *os.File, name string) error {
	config := unix.LoopConfig{Fd: uint32(file.Fd()), Size: blockSize}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	copy(config.Info.File_name[:len(config.Info.File_name)-1], name)
	err := unix.IoctlLoopConfigure(int(device.Fd()), &config)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTTY) {
		return err
	}
	// Before Linux 5.8 it takes two steps.
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_FD, int(file.Fd())); err != nil {
		return err
	}
	if err := unix.IoctlLoopSetStatus64(int(device.Fd()), &config.Info); err != nil {
		return errors.Join(err, unix.IoctlSetInt(int(device.Fd()), unix.LOOP_CLR_FD, 0))
	}
	return nil
}
