package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ended is the owner of a process that has ended.
func ended(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("nothing is swept here")
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return machine() + "-" + strconv.Itoa(cmd.Process.Pid)
}

func TestOnlyProcessesOfThisHostThatEndedAreGone(t *testing.T) {
	dead := ended(t)
	_, pid, _ := strings.Cut(dead, machine()+"-")
	for name, want := range map[string]bool{
		dead: true, owner(): false, "another-" + pid: false, machine() + "-": false, machine() + "-x": false, machine() + "-0": false, machine() + "--1": false, "": false,
	} {
		if gone(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestDirectoriesOfProcessesThatEndedAreFound(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	left := filepath.Join(temp, string(Files)+ended(t)+"-123")
	for _, dir := range []string{left, filepath.Join(temp, string(Files)+"odd"), filepath.Join(temp, "other")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(temp, left+"4"); err != nil {
		t.Fatal(err)
	}
	own, err := MkdirTemp(Files)
	if err != nil {
		t.Fatal(err)
	}
	if found := Dirs(Files); !slices.Equal(found, []string{left}) || len(Dirs(Data)) > 0 {
		t.Errorf("%v", found)
	}
	SweepFiles()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("it is left: %v", err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Error(err)
	}
}

func TestContainersOfProcessesThatEndedAreRemoved(t *testing.T) {
	dead, dir := ended(t), t.TempDir()
	script := "#!/bin/sh\ncase $1 in ps) printf 'a1 " + dead + "\\nb2 " + owner() + "\\nc3 \\nd4 " + dead + "\\n' ;; *) echo \"$@\" >>\"$(dirname \"$0\")/log\" ;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	if err := SweepContainers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || string(log) != "rm --force a1 d4\n" {
		t.Errorf("%q, %v", log, err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := SweepContainers(t.Context()); err == nil {
		t.Error("without a docker command there is no error")
	}
}
