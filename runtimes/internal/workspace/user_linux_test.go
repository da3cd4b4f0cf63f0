package workspace

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// asOrdinaryUser runs f with the file system identity of nobody, to whom dir
// is given.
func asOrdinaryUser(t *testing.T, dir string, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	must(t, os.Chown(dir, nobody, nobody))
	for up := filepath.Dir(dir); up != "/tmp" && up != "/"; up = filepath.Dir(up) {
		must(t, os.Chmod(up, 0o755))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(t, syscall.Setfsgid(nobody))
	must(t, syscall.Setfsuid(nobody))
	defer func() {
		must(t, syscall.Setfsuid(0))
		must(t, syscall.Setfsgid(0))
	}()
	f()
}

// asOrdinaryUserOwning is asOrdinaryUser who owns some files in dir too.
func asOrdinaryUserOwning(t *testing.T, dir string, files []string, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		for _, name := range files {
			must(t, os.Chown(name, 65534, 65534))
		}
	}
	asOrdinaryUser(t, dir, f)
}

func mkfifo(t testing.TB, name string) {
	t.Helper()
	must(t, syscall.Mkfifo(name, 0o666))
}
