package runtimetest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

var roomCases = []testCase{
	{"EachPlaceHasTheRoomThatIsTold", placesHaveRoom},
	{"SharedMemoryIsHalfOfTheMemory", sharedMemoryRoom},
	{"ProgramsShareMemory", programsShareMemory},
	{"MoreThanTheShareOfMemoryIsOnDisk", roomOnDisk},
	{"AFullDiskLosesNothing", fullDiskLosesNothing},
	{"APlaceIsGoneWithItsEnvironment", placesAreFresh},
}

// storage is a directory for a session's files besides the workspace.
type storage struct {
	name  string
	path  string // as the shell sees it
	bytes int64  // of Limits, zero for none
}

func placesOf(l runtimes.Limits) []storage {
	return []storage{
		{"HOME", `"$HOME"`, l.HomeBytes}, {"TMPDIR", `"${TMPDIR:-/tmp}"`, l.TemporaryBytes},
		{"/tmp", "/tmp", l.TemporaryBytes}, {"/var/tmp", "/var/tmp", l.TemporaryBytes},
		{"/dev/shm", "/dev/shm", l.SharedMemoryBytes},
	}
}

// fill writes so many MiB into a file of a place, and prints how many bytes it
// took; a full place is no failure.
func (s *suite) fill(t *testing.T, env runtimes.Environment, path string, mb int64) int64 {
	t.Helper()
	out := s.succeeds(t, env, s.shell(t, fmt.Sprintf(
		`f=%s/filled; dd if=/dev/zero of="$f" bs=1M count="$1" 2>/dev/null; wc -c < "$f"; rm "$f"`, path), strconv.FormatInt(mb, 10)))
	size, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	if err != nil {
		t.Errorf("%s: %q", path, out)
	}
	return size
}

// A place has at least half of the session's memory, and what it has is told.
func placesHaveRoom(t *testing.T, s *suite) {
	env := s.create(t, nil)
	half := s.spec().Limits.MemoryBytes / 2
	for _, p := range placesOf(env.Limits()) {
		took := s.fill(t, env, p.path, half>>20+16)
		// The share of a place on disk may be larger, and what programs have
		// there already counts.
		if took < half-4<<20 {
			t.Errorf("%s took %d bytes, half of the memory is %d", p.name, took, half)
		}
		if p.bytes != 0 && took > p.bytes {
			t.Errorf("%s took %d bytes, its limit is %d", p.name, took, p.bytes)
		}
	}
}

func sharedMemoryRoom(t *testing.T, s *suite) {
	df := s.shell(t, `df -k /dev/shm | awk 'NR == 2 { print $2 }'`)
	env := s.environment(t)
	half := s.spec().Limits.MemoryBytes / 2
	if got := env.Limits().SharedMemoryBytes; got != half {
		t.Errorf("%d bytes of shared memory, half of the memory is %d", got, half)
	}
	kilobytes := strings.TrimSpace(s.succeeds(t, env, df))
	if kilobytes != strconv.FormatInt(half>>10, 10) {
		t.Errorf("df says %q KB of shared memory, half of the memory is %d", kilobytes, half>>10)
	}
}

func programsShareMemory(t *testing.T, s *suite) {
	env := s.environment(t)
	if did := s.run(t, env, s.shell(t, `command -v python3`)); did.Status != runtimes.Completed {
		const line = `dd if=/dev/zero of=/dev/shm/shared bs=1M count=80 2>/dev/null & wait; wc -c < /dev/shm/shared; rm /dev/shm/shared`
		if got := s.succeeds(t, env, s.shell(t, line)); strings.TrimSpace(got) != strconv.Itoa(80<<20) {
			t.Errorf("the other process wrote %q bytes", got)
		}
		return
	}
	const program = `
from multiprocessing import Process, shared_memory
size = 80 << 20
memory = shared_memory.SharedMemory(create=True, size=size)
def child(name):
    seen = shared_memory.SharedMemory(name=name)
    seen.buf[size - 1] = 42
    seen.close()
if __name__ == "__main__":
    p = Process(target=child, args=(memory.name,))
    p.start()
    p.join()
    print(memory.buf[size - 1])
    memory.close()
    memory.unlink()
`
	writeFile(t, env.Workspace(), "shared.py", program)
	if got := s.succeeds(t, env, s.shell(t, `python3 shared.py; rm shared.py`)); got != "42\n" {
		t.Errorf("the other process wrote %q", got)
	}
}

// askDisk asks for so much disk, and for so much memory.
func askDisk(memory, disk int64) func(*runtimes.Spec) {
	return func(spec *runtimes.Spec) {
		spec.Limits.MemoryBytes, spec.Limits.DiskBytes, spec.DiskAsked = memory, disk, true
	}
}

// roomOnDisk is a package manager that needs 505 MB for temporary files.
func roomOnDisk(t *testing.T, s *suite) {
	s.needs(t, RoomOnDisk)
	const asked = 2 << 30
	env := s.create(t, askDisk(512<<20, asked))
	limits := env.Limits()
	if limits.DiskBytes != 0 && limits.DiskBytes != asked {
		t.Errorf("the limit of the disk is %d", limits.DiskBytes)
	}
	if limits.TemporaryBytes != limits.DiskBytes || limits.HomeBytes != limits.DiskBytes {
		t.Errorf("the limits are %+v", limits)
	}
	const unpack = `set -e
dd if=/dev/zero of="${TMPDIR:-/tmp}/part" bs=1M count=505 2>/dev/null
for d in /workspace "$HOME"; do dd if=/dev/zero of="$d/part" bs=1M count=40 2>/dev/null; done
wc -c < "${TMPDIR:-/tmp}/part"
for d in /workspace "$HOME" /tmp; do df -k $d | awk 'NR == 2 { print $4 }'; done`
	got := strings.Fields(s.succeeds(t, env, s.shell(t, unpack)))
	if len(got) != 4 || got[0] != strconv.Itoa(505<<20) {
		t.Fatalf("unpacking: %q", got)
	}
	for _, free := range got[1:] {
		const used = 505 + 2*40
		kilobytes, err := strconv.ParseInt(free, 10, 64)
		if most := limits.DiskBytes>>10 - used<<10 + 1<<10; err != nil || limits.DiskBytes != 0 && (kilobytes > most || kilobytes < most-16<<10) {
			t.Errorf("after %d MB of %d df has %q KB free", used, limits.DiskBytes>>20, free)
		}
	}
}

// fullDiskLosesNothing fills what workspace, HOME and /tmp share.
func fullDiskLosesNothing(t *testing.T, s *suite) {
	s.needs(t, RoomOnDisk)
	const asked = 192 << 20
	env := s.create(t, askDisk(256<<20, asked))
	limit := env.Limits().DiskBytes
	enforced(t, "disk", limit)
	if limit != asked {
		t.Errorf("the limit is %d", limit)
	}
	const before = `set -e
head -c 20000000 /dev/urandom > /workspace/kept; cp /workspace/kept /tmp/kept; cp /workspace/kept "$HOME/kept"
sha256sum < /workspace/kept`
	sum := s.succeeds(t, env, s.shell(t, before))
	const fill = `dd if=/dev/zero of=/workspace/filled bs=1M count=1000 2>&1 | grep -c "No space left"; wc -c < /workspace/filled
for d in /tmp "$HOME"; do head -c 4000000 /dev/zero > "$d/more" 2>/dev/null && echo "room in $d"; done; sync; true`
	got := strings.Fields(s.succeeds(t, env, s.shell(t, fill)))
	if len(got) != 2 || got[0] != "1" {
		t.Fatalf("filling it: %q", got)
	}
	if size, _ := strconv.ParseInt(got[1], 10, 64); size < asked-3*20_000_000-8<<20 || size > asked-3*20_000_000 {
		t.Errorf("beside three files of 20 MB there was room for %d bytes of %d", size, limit)
	}
	for _, file := range []string{"/workspace/kept", "/tmp/kept", `"$HOME/kept"`} {
		if now := s.succeeds(t, env, s.shell(t, "sha256sum < "+file)); now != sum {
			t.Errorf("%s has changed", file)
		}
	}
	_, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: "kept", Content: make([]byte, 40<<20)})
	wantCode(t, "write to a full disk", err, runtimes.CodeNoSpace)
	if now := s.succeeds(t, env, s.shell(t, "sha256sum < /workspace/kept")); now != sum {
		t.Error("a write that failed has changed its file")
	}
	wantCode(t, "delete", env.Workspace().DeleteFile(t.Context(), runtimes.DeleteFile{Path: "filled"}), "")
	if took := s.fill(t, env, "/tmp", 64); took != 64<<20 {
		t.Errorf("with room again /tmp took %d bytes", took)
	}
}

// placesAreFresh: of a lost environment only the workspace is there again.
func placesAreFresh(t *testing.T, s *suite) {
	s.needs(t, RoomOnDisk)
	spec := s.spec()
	askDisk(256<<20, 192<<20)(&spec)
	env := s.create(t, func(to *runtimes.Spec) { *to = spec })
	s.succeeds(t, env, s.shell(t, `for d in /workspace /tmp "$HOME"; do echo mine > "$d/left"; done`))
	s.lose(t, env)
	if err := env.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spec.Workspace = env.Workspace()
	again, err := s.rt.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if got := s.succeeds(t, again, s.shell(t, `ls /workspace/left /tmp/left "$HOME/left" 2>/dev/null; echo x > /tmp/x; echo x > "$HOME/x"; true`)); got != "/workspace/left\n" {
		t.Errorf("a new environment has %q", got)
	}
	if again.Limits().DiskBytes != env.Limits().DiskBytes {
		t.Errorf("the limit was %d and is %d", env.Limits().DiskBytes, again.Limits().DiskBytes)
	}
}
