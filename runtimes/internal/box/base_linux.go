package box

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
	"/etc/debian_version", "/etc/protocols", "/etc/services",
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
