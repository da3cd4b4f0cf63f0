package adjust

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shells starts a shell with another below it, and returns the first one's number
// and a function that has the second tell its limit of open files.
func shells(t *testing.T, own string) (pid int, ask func() string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", own+`; sh -c 'while read line; do ulimit -n; done'; true`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	lines := bufio.NewReader(out)
	ask = func() string {
		io.WriteString(in, "\n")
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	ask() // both run
	return cmd.Process.Pid, ask
}

func TestLimitsReachWhatRunsBelow(t *testing.T) {
	pid, ask := shells(t, "ulimit -n 200")
	found, err := ResourceLimits(pid, []ResourceLimit{{unix.RLIMIT_NOFILE, 200, 100}})
	if err != nil || len(found) != 1 || found[0] != 100 {
		t.Fatalf("%v, %v", found, err)
	}
	if got := ask(); got != "100" {
		t.Errorf("below it the limit is %s", got)
	}
}

func TestAProcessWithALowerLimitKeepsIt(t *testing.T) {
	pid, ask := shells(t, "ulimit -n 50")
	if _, err := ResourceLimits(pid, []ResourceLimit{{unix.RLIMIT_NOFILE, 200, 100}}); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "50" {
		t.Errorf("the limit is %s", got)
	}
}

// Prlimit(2) lets nobody raise a hard limit without CAP_SYS_RESOURCE.
func TestARaiseThatIsRefusedSaysSo(t *testing.T) {
	pid, ask := shells(t, "ulimit -n 200")
	_, err := ResourceLimits(pid, []ResourceLimit{{unix.RLIMIT_NOFILE, 200, 300}})
	want := "200"
	if err == nil {
		want = "300"
	} else if !errors.Is(err, ErrRefused) {
		t.Fatal(err)
	}
	if got := ask(); got != want {
		t.Errorf("%v, and the limit is %s", err, got)
	}
}

// inNamespace starts a shell with a tmpfs of its own at a path, and returns its
// number.
func inNamespace(t *testing.T, path, options string) int {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root resizes what others have mounted")
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", fmt.Sprintf("mount -t tmpfs -o %s none %s && echo up; read line; true", options, path))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("unshare(1) is of util-linux, which every Linux has: %v", err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd.Process.Pid
}

func TestAPlaceIsResized(t *testing.T) {
	dir := t.TempDir()
	pid := inNamespace(t, dir, "size=1m,nr_inodes=100")
	seen := func() (bytes, inodes int64) {
		var fs unix.Statfs_t
		if err := unix.Statfs("/proc/"+strconv.Itoa(pid)+"/root"+dir, &fs); err != nil {
			t.Fatal(err)
		}
		return int64(fs.Blocks) * fs.Bsize, int64(fs.Files)
	}
	rooms, err := PickRooms(pid, []Place{{dir, 1 << 20, 2 << 20, 200}})
	if err != nil {
		t.Fatal(err)
	}
	if bytes, inodes := seen(); bytes != 1<<20 || inodes != 100 {
		t.Errorf("picked, and it has %d bytes and %d inodes", bytes, inodes)
	}
	now, err := rooms.Apply()
	rooms.Close()
	if bytes, inodes := seen(); err != nil || now[dir] != 2<<20 || bytes != 2<<20 || inodes != 200 {
		t.Errorf("%v, %v: it has %d bytes and %d inodes", now, err, bytes, inodes)
	}
	for name, place := range map[string]Place{
		"of another size": {dir, 1 << 20, 4 << 20, 0}, "not a tmpfs": {"/proc", 0, 1 << 20, 0},
		"of the host": {"/dev/shm", sizeOf(t, "/dev/shm"), 1 << 30, 0}, "not there": {dir + "/absent", 0, 1, 0},
	} {
		if rooms, err := PickRooms(pid, []Place{place}); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
			rooms.Close()
		}
	}
}

func TestAPlaceDoesNotShrinkBelowItsFiles(t *testing.T) {
	dir := t.TempDir()
	pid := inNamespace(t, dir, "size=2m")
	file := fmt.Sprintf("/proc/%d/root%s/big", pid, dir)
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	rooms, err := PickRooms(pid, []Place{{dir, 2 << 20, 1 << 19, 0}})
	if err != nil {
		t.Fatal(err)
	}
	defer rooms.Close()
	if _, err := rooms.Apply(); err == nil {
		t.Error("it did")
	}
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		t.Fatal(err)
	}
	return int64(fs.Blocks) * fs.Bsize
}

func TestFilesTellOfOtherProcessors(t *testing.T) {
	pid := inNamespace(t, t.TempDir(), "size=1m")
	directory := t.TempDir()
	host := count(t, os.Getpid())
	for _, n := range []int{1, host} {
		covers, err := PickProcessors(pid, directory, ProcessorFiles{}, n, n == host)
		if err != nil {
			t.Fatal(err)
		}
		err = covers.Apply()
		covers.Close()
		if got := count(t, pid); err != nil || got != n {
			t.Errorf("%d processors, %v, and are to be %d", got, err, n)
		}
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if now := count(t, os.Getpid()); now != host {
		t.Errorf("the host has %d of %d", now, host)
	}
}

// count is how many processors a process finds.
func count(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/cpuinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count("\n"+string(text), "\nprocessor")
}

// What was not picked is nothing to let go of.
func TestNothingIsLetGoOfThatWasNotPicked(t *testing.T) {
	var before, after unix.Stat_t
	if err := unix.Fstat(0, &before); err != nil {
		t.Fatal(err)
	}
	(&Covers{}).Close()
	(&Rooms{}).Close()
	if err := unix.Fstat(0, &after); err != nil || after.Ino != before.Ino {
		t.Errorf("the standard input is another: %v", err)
	}
}
