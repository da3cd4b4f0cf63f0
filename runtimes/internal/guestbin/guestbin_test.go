package guestbin

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func TestTheVariableComesFirstAndMustNameAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent")
	t.Setenv(Variable, file)
	if _, err := Find(runtime.GOARCH, ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	writeEmpty(t, file)
	if got, err := Find(runtime.GOARCH, ""); got != file || err != nil {
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
	if _, err := Find("mips", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing gives %v", err)
	}
	agent := filepath.Join(root, ".cache", "guest", "guest-linux-mips")
	writeEmpty(t, agent)
	if got, err := Find("mips", ""); got != agent || err != nil {
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
	writeEmpty(t, agent)
	t.Cleanup(func() { os.Remove(agent) })
	if got, err := Find("mips", ""); got != agent || err != nil {
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
	writeEmpty(t, file)
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

func writeEmpty(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
}

// One of them is embedded only after `make guest`; `make test` begins with it.
func TestAnEmbeddedAgentIsWrittenOutOnceAndWhole(t *testing.T) {
	if !Embedded(runtime.GOARCH) {
		t.Skip("this test was built without the agents: run `make guest`")
	}
	t.Setenv(Variable, "")
	t.Chdir(t.TempDir())
	for _, arch := range []string{"amd64", "arm64"} {
		data := t.TempDir()
		path, err := Find(arch, data)
		if err != nil || filepath.Dir(path) != Directory(data) {
			t.Fatalf("%q, %v", path, err)
		}
		if err := Executable(path); arch == runtime.GOARCH && err != nil || arch != runtime.GOARCH && !errors.Is(err, ErrForeign) {
			t.Errorf("%s on %s: %v", arch, runtime.GOARCH, err)
		}
		before, _ := os.Stat(path)
		again, err := Find(arch, data)
		after, _ := os.Stat(path)
		if again != path || err != nil || !os.SameFile(before, after) {
			t.Errorf("the second time %q, %v", again, err)
		}
	}
}

func TestAnAgentThatWasSpoiledIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	content := []byte("the agent")
	path, err := place(content, "guest", dir)
	if err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func() error{
		"shorter":      func() error { os.Chmod(path, 0o755); return os.WriteFile(path, []byte("the"), 0o755) },
		"removed":      func() error { return os.Remove(path) },
		"another mode": func() error { return os.Chmod(path, 0o700) },
		"another content, found by another process": func() error {
			placed.Delete(path)
			os.Remove(path)
			return os.WriteFile(path, []byte("another a"), 0o555)
		},
	}
	for how, do := range spoil {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		again, err := place(content, "guest", dir)
		got, _ := os.ReadFile(again)
		info, statErr := os.Stat(again)
		if err != nil || statErr != nil || again != path || string(got) != "the agent" || info.Mode().Perm() != 0o555 {
			t.Errorf("%s: %q, %q, %v, %v", how, again, got, info, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left are %v", left)
	}
}

func TestServersThatShareADirectoryWriteTheAgentAtOnce(t *testing.T) {
	dir := t.TempDir()
	content := make([]byte, 1<<20)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			path, err := place(content, "guest", dir)
			if got, readErr := os.ReadFile(path); err != nil || readErr != nil || len(got) != len(content) {
				t.Errorf("%d bytes, %v, %v", len(got), err, readErr)
			}
		})
	}
	all.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left are %v", left)
	}
}
