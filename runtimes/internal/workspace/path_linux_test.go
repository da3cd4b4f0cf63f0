package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestAPathThatLeadsOutIsRefusedByEveryCommand(t *testing.T) {
	long := strings.Repeat("x/", 2048) + "y"
	for _, path := range []string{
		"", "..", "../x", "a/../../x", "/", "/etc/passwd", "//x", "/workspacex", "/workspace/..", "/workspace/../x", "/workspace/../workspace/x",
		"a\x00b", long, "out", "out/", "out/passwd", "out/.", "up/secret", "up/", "via/secret", "absolute", "absolute/",
	} {
		for _, c := range commands {
			tree, dir := newTree(t)
			secret := filepath.Join(filepath.Dir(dir), "secret")
			must(t, os.WriteFile(secret, []byte("secret"), 0o644))
			must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
			must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
			for name, to := range map[string]string{"out": "/etc", "up": "..", "via": "up", "absolute": dir} {
				must(t, os.Symlink(to, filepath.Join(dir, name)))
			}
			err := c.run(t.Context(), tree, path)
			if actsOnLink(c.name, path) {
				if err != nil && runtimes.FileCodeOf(err) == "" {
					t.Errorf("%s %q: %v", c.name, path, err)
				}
			} else if got := runtimes.FileCodeOf(err); got != runtimes.CodePathOutsideWorkspace {
				t.Errorf("%s %q: code %q (%v)", c.name, path, got, err)
			}
			if err != nil && strings.Contains(err.Error(), dir) {
				t.Errorf("%s %q names the host's directory: %v", c.name, path, err)
			}
			if content, err := os.ReadFile(secret); err != nil || string(content) != "secret" {
				t.Errorf("%s %q reached the outside: %q, %v", c.name, path, content, err)
			}
			tree.Close()
		}
	}
}

// actsOnLink tells the commands that mean a link itself when its bare name is
// given: it can be removed, moved away, and is in the way of mkdir.
func actsOnLink(command, path string) bool {
	switch path {
	case "out", "up", "via", "absolute":
		return command == "delete" || command == "delete -r" || command == "move from" || command == "mkdir"
	case "up/":
		return false
	}
	return false
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestALinkThatStaysInsideIsFollowed(t *testing.T) {
	tree, dir := newTree(t)
	must(t, os.MkdirAll(filepath.Join(dir, "real/sub"), 0o755))
	must(t, os.Symlink("real", filepath.Join(dir, "link")))
	must(t, os.Symlink("../file", filepath.Join(dir, "real/back")))
	must(t, os.Symlink("later", filepath.Join(dir, "dangling")))
	write(t, tree, "link/x", "one")
	write(t, tree, "real/back", "two")
	write(t, tree, "dangling", "three")
	for path, want := range map[string]string{"real/x": "one", "file": "two", "link/back": "two", "later": "three"} {
		if got := read(t, tree, path); got != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
	if info, err := os.Lstat(filepath.Join(dir, "real/back")); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("a write replaced the link: %v, %v", info, err)
	}
}

func TestNothingButAFileIsReadOrWritten(t *testing.T) {
	tree, dir := newTree(t)
	mkfifo(t, filepath.Join(dir, "fifo"))
	must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	special := []string{"fifo"}
	if syscall.Mknod(filepath.Join(dir, "device"), syscall.S_IFCHR|0o666, 1<<8|3) == nil {
		special = append(special, "device")
	}
	if fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err == nil {
		defer syscall.Close(fd)
		// A relative path, for sun_path has 108 bytes.
		t.Chdir(dir)
		must(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: "socket"}))
		special = append(special, "socket")
	}
	for _, name := range special {
		for _, c := range commands {
			err := c.run(t.Context(), tree, name)
			switch c.name {
			case "read", "write", "append", "copy from", "copy to":
				wantCode(t, err, runtimes.CodeNotRegularFile)
			case "list", "copy -r to", "mkdir -p":
				if err == nil {
					t.Errorf("%s %s did not fail", c.name, name)
				}
			case "mkdir":
				wantCode(t, err, runtimes.CodeAlreadyExists)
			}
			if c.name == "copy -r to" {
				break // what follows moves and deletes
			}
		}
	}
	wantCode(t, run(t, tree, "read", "dir"), runtimes.CodeIsADirectory)
	wantCode(t, run(t, tree, "write", "dir"), runtimes.CodeIsADirectory)
	wantCode(t, run(t, tree, "append", "dir"), runtimes.CodeIsADirectory)
	wantCode(t, run(t, tree, "read", "file/below"), runtimes.CodeNotADirectory)
	wantCode(t, run(t, tree, "read", "file/"), runtimes.CodeNotADirectory)
	wantCode(t, run(t, tree, "write", "file/below"), runtimes.CodeNotADirectory)
	wantCode(t, run(t, tree, "write", "new/"), runtimes.CodeIsADirectory)
	wantCode(t, run(t, tree, "mkdir -p", "file/below"), runtimes.CodeNotADirectory)
	wantCode(t, run(t, tree, "mkdir -p", "file"), runtimes.CodeAlreadyExists)
	wantCode(t, run(t, tree, "mkdir", "missing/below"), runtimes.CodeNotFound)
	wantCode(t, run(t, tree, "list", "file"), runtimes.CodeNotADirectory)
	wantCode(t, run(t, tree, "list", "missing"), runtimes.CodeNotFound)
	wantCode(t, run(t, tree, "delete", "missing"), runtimes.CodeNotFound)
	wantCode(t, run(t, tree, "delete -r", "missing"), runtimes.CodeNotFound)
	wantCode(t, run(t, tree, "delete -r", "."), runtimes.CodePermissionDenied)
	wantCode(t, run(t, tree, "delete -r", "/workspace"), runtimes.CodePermissionDenied)
}

func run(t testing.TB, ws runtimes.Workspace, name, path string) error {
	t.Helper()
	for _, c := range commands {
		if c.name == name {
			return c.run(t.Context(), ws, path)
		}
	}
	t.Fatalf("no command %s", name)
	return nil
}

func TestNamesMayHave255Bytes(t *testing.T) {
	tree, _ := newTree(t)
	write(t, tree, strings.Repeat("n", 255), "x")
	wantCode(t, run(t, tree, "write", strings.Repeat("n", 256)), runtimes.CodePathOutsideWorkspace)
	wantCode(t, run(t, tree, "mkdir -p", "a/"+strings.Repeat("n", 256)), runtimes.CodePathOutsideWorkspace)
	must(t, run(t, tree, "mkdir -p", strings.Repeat("d/", 2047)+"d"))
	write(t, tree, strings.Repeat("d/", 2047)+"f", "deep")
}

func TestAnEndedContextTouchesNothing(t *testing.T) {
	tree, dir := newTree(t)
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	ctx := canceled(t)
	for _, c := range commands {
		if err := c.run(ctx, tree, "file"); err != ctx.Err() {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
