package box

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A program that something still has open for writing is started once it has not.
func TestAProgramThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	content, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "agent"), os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = file.Close() })
	process, err := startProcess(file.Name(), []string{"agent"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := process.Wait(); err != nil || !state.Success() {
		t.Errorf("%v, %v", state, err)
	}
}
