package guestbin

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
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

func TestAnAgentThatCannotBeExecutedIsToldApart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := Executable(self); err != nil && runtime.GOOS == "linux" {
		t.Error(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "agent")
	if err := Executable(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing one: %v", err)
	}
	write(t, file)
	if err := Executable(file); !errors.Is(err, ErrForeign) {
		t.Errorf("an empty one: %v", err)
	}
	if err := os.WriteFile(file, program, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Executable(file); runtime.GOOS == "linux" && !errors.Is(err, ErrNotExecutable) {
		t.Errorf("one without the permission: %v", err)
	}
	program[18] = 0xf3 // e_machine, elf(5): RISC-V
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Executable(file); runtime.GOOS == "linux" && !errors.Is(err, ErrForeign) {
		t.Errorf("one of another processor: %v", err)
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
