package box

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
)

// systemDirectories hold the programs and libraries of a distribution, with what
// its C compiler reads. The ones in "/" are symlinks into /usr on most.
var systemDirectories = []string{
	"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec", "/usr/share", "/usr/include",
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
}

// systemFiles are the parts of /etc that programs and libraries read. None of
// them tells of the host's users, network or services.
var systemFiles = []string{
	"/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs",
	"/etc/pki/ca-trust/extracted", "/etc/crypto-policies", "/etc/mime.types", "/etc/localtime", "/etc/os-release",
	"/etc/debian_version", "/etc/protocols", "/etc/services", "/etc/fonts", "/etc/matplotlibrc",
}

// Base is the part of a layout that shows the host's system.
type Base struct {
	Binds []Bind
	Links []Link
}

// HostBase returns what boxes show of this host's system: its programs,
// libraries and data, and a few harmless files of /etc.
func HostBase() (Base, error) {
	var base Base
	for _, list := range [][]string{systemDirectories, systemFiles} {
		for _, path := range list {
			if err := base.add(path); err != nil {
				return Base{}, err
			}
		}
	}
	return base, nil
}

func (b *Base) add(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		b.Links = append(b.Links, Link{Target: path, To: to})
		return nil
	}
	source, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	b.Binds = append(b.Binds, Bind{Source: source, Target: path, NoExec: !info.IsDir()})
	return nil
}

// bindAll shows the layout's parts of the host.
func bindAll(cfg Config) error {
	for _, b := range cfg.Binds {
		attributes := uint64(unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
		if b.NoExec {
			attributes |= unix.MOUNT_ATTR_NOEXEC
		}
		err := bind(host+b.Source, b.Target, attributes)
		if b.Optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return step("bind", b.Target, err)
		}
	}
	return nil
}

// bindWorkspace shows the session's directory, writable. Programs may be run
// from it: go run, virtual environments and scripts do.
func bindWorkspace(cfg Config) error {
	if cfg.Workspace == "" {
		return nil
	}
	err := bind(host+cfg.Workspace, runtimes.WorkspacePath, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	return step("bind", runtimes.WorkspacePath, err)
}

// bind mounts a file or directory once more, with more restrictions.
func bind(source, target string, attributes uint64) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if err := makeMountPoint(target, info.IsDir()); err != nil {
		return err
	}
	// Recursive: in a user namespace the kernel refuses to bind a directory
	// without what is mounted below it, since that would uncover what it hides.
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return restrict(target, attributes, true)
}

// devices are the nodes of /dev. They are the host's own, bound: an ordinary
// user cannot make device nodes.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// deviceLinks are the symlinks that programs expect.
var deviceLinks = []Link{
	{"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
}

// terminals bounds the pseudo-terminals of a box.
const terminals = "64"

func makeDev(Config) error {
	for _, name := range devices {
		// Read-only forbids to change the node, not to write to the device.
		err := bind(host+"/dev/"+name, "/dev/"+name,
			unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return step("bind", "/dev/"+name, err)
		}
	}
	if err := makeLinks(Config{Links: deviceLinks}); err != nil {
		return err
	}
	return mountTerminals()
}

// mountTerminals gives the box pseudo-terminals of its own. A kernel that
// refuses them in a user namespace (before 4.20 without a mapped root) leaves
// the box without; programs then find no /dev/pts/ptmx.
func mountTerminals() error {
	if err := os.Mkdir("/dev/pts", 0o755); err != nil {
		return step("mount terminals", "", err)
	}
	err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620,max="+terminals)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil
	}
	return step("mount terminals", "", err)
}

// makeScratch mounts the writable directories.
func makeScratch(cfg Config) error {
	for i := range cfg.Scratch {
		if err := makeOneScratch(cfg, &cfg.Scratch[i]); err != nil {
			return step("mount", cfg.Scratch[i].Target, err)
		}
	}
	return nil
}

func makeOneScratch(cfg Config, s *Scratch) error {
	if s.Source != "" {
		attributes := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
		if s.NoExec {
			attributes |= unix.MOUNT_ATTR_NOEXEC
		}
		return bind(host+s.Source, s.Target, attributes)
	}
	if err := makeScratchPoint(cfg, s.Target); err != nil {
		return err
	}
	flags := uintptr(0)
	if s.NoExec {
		flags = unix.MS_NOEXEC
	}
	options := fmt.Sprintf("mode=%o,uid=%d,gid=%d", s.Mode, cfg.UID, cfg.GID)
	return mountTmpfs(s.Target, s.Bound, options, flags)
}

// makeScratchPoint makes the directory to mount on; one in another scratch
// directory belongs to the box's user.
func makeScratchPoint(cfg Config, target string) error {
	for _, other := range cfg.Scratch {
		if other.Target != target && under(target, other.Target) {
			return makeOwned(cfg, target)
		}
	}
	return os.MkdirAll(target, 0o755)
}

// plantSeeds fills the scratch directories.
func plantSeeds(cfg Config) error {
	for _, seed := range cfg.Seeds {
		if err := plant(cfg, seed); err != nil {
			return step("seed", seed.Target, err)
		}
	}
	return nil
}

func plant(cfg Config, seed Seed) error {
	if seed.Whole {
		if err := makeOwned(cfg, path.Dir(seed.Target)); err != nil {
			return err
		}
		return os.Symlink(seed.Source, seed.Target)
	}
	if err := makeOwned(cfg, seed.Target); err != nil {
		return err
	}
	return fs.WalkDir(os.DirFS(seed.Source), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		source, target := path.Join(seed.Source, name), path.Join(seed.Target, name)
		switch {
		case entry.IsDir():
			return makeOwned(cfg, target)
		case seed.Link:
			return os.Symlink(source, target)
		case entry.Type().IsRegular():
			return copyOwned(cfg, source, target)
		}
		return nil
	})
}

// makeOwned makes a directory, and those above it that are missing, for the
// box's user.
func makeOwned(cfg Config, target string) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	if err := makeOwned(cfg, path.Dir(target)); err != nil {
		return err
	}
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	return os.Chown(target, cfg.UID, cfg.GID)
}

func copyOwned(cfg Config, source, target string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Chown(cfg.UID, cfg.GID); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
