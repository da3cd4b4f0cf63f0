package workspace

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lockDirectory takes the lock of a Dir for the life of the file.
func lockDirectory(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, err
	}
	return f, nil
}

// lockUID locks the byte of the file at the offset of the uid, with an open
// file description lock (fcntl(2)): it ends with the server, however that dies,
// and all of them cost one handle.
func lockUID(f *os.File, uid int) (bool, error) {
	err := uidLock(f, uid, unix.F_WRLCK)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

func unlockUID(f *os.File, uid int) error { return uidLock(f, uid, unix.F_UNLCK) }

func uidLock(f *os.File, uid int, kind int16) error {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: int64(uid), Len: 1}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
}
