package guestbin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTheVariableComesFirstAndMustNameAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent")
	t.Setenv(Variable, file)
	if _, err := Find(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	write(t, file)
	if got, err := Find(); got != file || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheCacheAboveTheWorkingDirectoryIsFound(t *testing.T) {
	t.Setenv(Variable, "")
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	if _, err := FindFor("mips"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing gives %v", err)
	}
	agent := filepath.Join(root, ".cache", "guest", "guest-linux-mips")
	write(t, agent)
	if got, err := FindFor("mips"); got != agent || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheProgramBesideTheServerIsFound(t *testing.T) {
	t.Setenv(Variable, "")
	t.Chdir(t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	agent := filepath.Join(filepath.Dir(self), "guest-linux-mips")
	write(t, agent)
	t.Cleanup(func() { os.Remove(agent) })
	if got, err := FindFor("mips"); got != agent || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
}
