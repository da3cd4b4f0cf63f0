package adjust

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Rooms are places that can be changed.
type Rooms struct{ rooms []room }

// room is one of them.
type room struct {
	path    string
	dir, fs int // descriptors: the directory, and what fspick(2) made of it
}

// PickRooms gets ready to change places of a process. It changes nothing.
// Errors: ErrRefused, also where the kernel has no fspick(2) (Linux 5.2).
func PickRooms(pid int, places []Place) (*Rooms, error) {
	r := &Rooms{}
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, refused("/", err)
	}
	defer unix.Close(root)
	for i := range places {
		picked, err := pick(root, &places[i])
		if err != nil {
			r.Close()
			return nil, refused(places[i].Path, err)
		}
		r.rooms = append(r.rooms, picked)
	}
	return r, nil
}

func refused(path string, err error) error { return fmt.Errorf("%w: %s: %w", ErrRefused, path, err) }

func pick(root int, p *Place) (room, error) {
	r := room{path: p.Path, dir: -1, fs: -1}
	err := r.open(root, p)
	if err != nil {
		r.close()
	}
	return r, err
}

// open follows no link out of the root, and takes nothing that this process has
// at that path as well: the number may be another process's by now.
func (r *room) open(root int, p *Place) (err error) {
	r.dir, err = unix.Openat2(root, strings.TrimPrefix(p.Path, "/"), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return err
	}
	var its, ours unix.Stat_t
	if err := unix.Fstat(r.dir, &its); err != nil {
		return err
	}
	if unix.Stat(p.Path, &ours) == nil && its.Dev == ours.Dev {
		return errors.New("it is the host's")
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(r.dir, &fs); err != nil {
		return err
	}
	if has := int64(fs.Blocks) * fs.Bsize; fs.Type != unix.TMPFS_MAGIC || has != p.Was {
		return fmt.Errorf("it is a file system of type %x with %d bytes and not a tmpfs of %d", fs.Type, has, p.Was)
	}
	if r.fs, err = unix.Fspick(r.dir, "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC); err != nil {
		return err
	}
	for _, option := range []struct {
		key   string
		value int64
	}{{"size", p.Bytes}, {"nr_inodes", p.Inodes}} {
		if option.value == 0 {
			continue
		}
		if err := unix.FsconfigSetString(r.fs, option.key, strconv.FormatInt(option.value, 10)); err != nil {
			return err
		}
	}
	return nil
}

// Apply changes the places and returns how many bytes each has room for then, by
// its path. It fails below what the files of one occupy.
func (r *Rooms) Apply() (map[string]int64, error) {
	now := make(map[string]int64, len(r.rooms))
	for i := range r.rooms {
		room := &r.rooms[i]
		if err := unix.FsconfigReconfigure(room.fs); err != nil {
			return nil, &os.PathError{Op: "resize", Path: room.path, Err: err}
		}
		var fs unix.Statfs_t
		if err := unix.Fstatfs(room.dir, &fs); err != nil {
			return nil, &os.PathError{Op: "statfs", Path: room.path, Err: err}
		}
		now[room.path] = int64(fs.Blocks) * fs.Bsize
	}
	return now, nil
}

// Close lets go of them.
func (r *Rooms) Close() {
	for i := range r.rooms {
		r.rooms[i].close()
	}
	r.rooms = nil
}

func (r *room) close() {
	for _, fd := range []int{r.dir, r.fs} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
