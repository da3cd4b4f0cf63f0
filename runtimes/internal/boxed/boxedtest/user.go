//go:build linux

package boxedtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ordinaryUser is a uid that owns nothing.
const ordinaryUser = 65534

// AsOrdinaryUser runs the tests of this binary that match pattern again as an
// ordinary user. It skips when the caller is one, and when not one of them
// passed there: then this host forbids boxes to ordinary users.
func AsOrdinaryUser(t *testing.T, pattern string) {
	t.Helper()
	NotShort(t)
	if os.Geteuid() != 0 {
		t.Skip("this is the run as an ordinary user")
	}
	dir := DataDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, self, filepath.Join(dir, "tests"))
	copyFile(t, guest(t), filepath.Join(dir, "guest"))
	for _, tool := range []string{"bun", "deno"} {
		if real, err := filepath.EvalSymlinks(filepath.Join(toolsDir(), tool)); err == nil {
			copyFile(t, real, filepath.Join(dir, "tools", tool))
		}
	}
	own(t, dir)
	again := exec.Command(filepath.Join(dir, "tests"), "-test.v", "-test.run", pattern)
	again.Dir = dir
	again.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir,
		guestVariable+"="+filepath.Join(dir, "guest"), toolsVariable+"="+filepath.Join(dir, "tools"))
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, verdicts(out))
	}
	if !strings.Contains(string(out), "--- PASS") {
		t.Skipf("nothing could be tested as an ordinary user:\n%s", out)
	}
	if testing.Verbose() {
		t.Logf("%s", verdicts(out))
	}
}

// verdicts leaves out the lines that only announce a test.
func verdicts(out []byte) string {
	var kept strings.Builder
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "=== ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// copyFile copies a file with its permissions.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-p", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func own(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, ordinaryUser, ordinaryUser)
	})
	if err != nil {
		t.Fatal(err)
	}
}
