package adjust

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/thread"
)

// Covers are texts that are ready to lie over files of a process.
type Covers struct {
	namespace *os.File // of its mounts
	covers    []cover
}

// cover is one of them.
type cover struct {
	target string
	// tree is a mount of the text that is nowhere yet, and file what is to be
	// removed then; a nil tree: what covers the target goes.
	tree *os.File
	file string
}

// mostText bounds what is told of processors.
const mostText = 256 << 10

// PickProcessors gets ready to let files of a process tell of the first n
// processors of this host, which has more unless all is given. It changes
// nothing. The texts are in a directory until Close.
// Errors: ErrRefused, also where the kernel cannot (Linux 5.12).
func PickProcessors(pid int, directory string, targets ProcessorFiles, n int, all bool) (*Covers, error) {
	c := &Covers{}
	texts, err := processorTexts(targets, n)
	if err == nil {
		c.namespace, err = os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	}
	for target, text := range texts {
		if err != nil {
			break
		}
		made := cover{target: target}
		switch {
		case all:
		case len(text) > mostText:
			continue
		default:
			err = made.mount(directory, text)
		}
		c.covers = append(c.covers, made)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return c, nil
}

func processorTexts(targets ProcessorFiles, n int) (map[string][]byte, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil, err
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{"/proc/stat": cpus.Stat(stat, n), "/proc/cpuinfo": cpus.Info(info, n)}
	if targets.Online != "" {
		texts[targets.Online] = cpus.Online(n)
	}
	return texts, nil
}

// mount makes a read-only mount of a file with that text. The file has to be
// there until the mount is somewhere.
func (c *cover) mount(directory string, text []byte) error {
	file, err := os.CreateTemp(directory, textPrefix)
	if err != nil {
		return err
	}
	defer file.Close()
	c.file = file.Name()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Chmod(0o444); err != nil {
		return err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, c.file, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return err
	}
	c.tree = os.NewFile(uintptr(tree), c.file)
	const attributes = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	return unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: attributes})
}

// Apply lays the texts over the files.
func (c *Covers) Apply() (err error) {
	if len(c.covers) == 0 {
		return nil
	}
	thread.Apart(func() { err = c.apply() })
	return err
}

func (c *Covers) apply() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns(2) wants a thread with a root of its own
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(int(c.namespace.Fd()), unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("setns", err)
	}
	for _, cover := range c.covers {
		var err error
		if cover.tree == nil {
			// What was not covered is no mount point.
			if err = unix.Unmount(cover.target, unix.MNT_DETACH); err == unix.EINVAL {
				err = nil
			}
		} else {
			err = unix.MoveMount(int(cover.tree.Fd()), "", unix.AT_FDCWD, cover.target, unix.MOVE_MOUNT_F_EMPTY_PATH)
		}
		if err != nil {
			return &os.PathError{Op: "cover", Path: cover.target, Err: err}
		}
	}
	return nil
}

// Close lets go of what lies nowhere.
func (c *Covers) Close() {
	for _, cover := range c.covers {
		cover.tree.Close() // nil is fine
		if cover.file != "" {
			os.Remove(cover.file)
		}
	}
	c.covers = nil
	c.namespace.Close()
}
