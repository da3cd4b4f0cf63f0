package actors

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// A start once listed its working directory: 64 ms with 100,000 files in it.
// The kernel tells who watches a directory of every read of it (inotify(7)).
func TestAStartDoesNotListItsWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	f := fake.New(fake.Options{Dir: dir})
	registry := runtimes.NewRegistry(f)
	registry.Probe(t.Context())
	w := &world{t: t, fake: f, system: NewSystem(Options{Registry: registry})}
	s := w.create()
	w.ask(s, &Execute{Type: "write_file", Command: &runtimes.WriteFile{Path: "many/a", Content: []byte("x")}})
	found, err := filepath.Glob(filepath.Join(dir, "*", "many"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, found[0], unix.IN_ACCESS|unix.IN_ONLYDIR); err != nil {
		t.Fatal(err)
	}
	read := func() bool {
		_, err := unix.Read(fd, make([]byte, 4096))
		return !errors.Is(err, unix.EAGAIN)
	}
	start := &Execute{Type: "execute_shell", Command: &runtimes.Command{Name: "pwd", Dir: "many"}, Timeout: time.Minute}
	if o := w.ask(s, start).result.(*Outcome); !o.Success {
		t.Errorf("%+v", o)
	}
	if read() {
		t.Error("the working directory was listed")
	}
	if _, err := os.ReadDir(found[0]); err != nil || !read() {
		t.Errorf("a listing is not seen: this test proves nothing (%v)", err)
	}
	if err := w.system.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
