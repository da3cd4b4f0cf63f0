package box

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestTheRootHoldsOnlyWhatTheLayoutNames(t *testing.T) {
	got := strings.Fields(shell(t, testConfig(t), "ls -A /"))
	allowed := []string{"bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr", "workspace"}
	for _, name := range got {
		if !slices.Contains(allowed, name) {
			t.Errorf("the root holds %q", name)
		}
	}
	if !slices.Contains(got, "workspace") || !slices.Contains(got, "proc") {
		t.Errorf("the root lacks something: %v", got)
	}
}

func TestNoFileOfTheHostCanBeReached(t *testing.T) {
	secret := filepath.Join(testWorkspace(t), "secret")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := shell(t, testConfig(t), `for p in /root /var /run /srv /sys /.host /etc/shadow /etc/hostname `+secret+` /proc/1/root`+secret+`; do
		cat $p >/dev/null 2>&1 || ls $p >/dev/null 2>&1 && echo "reached $p"; done; ls /home; ls /proc/1/root/home 2>/dev/null; true`)
	for _, line := range strings.Fields(out) {
		if line != "user" {
			t.Fatalf("the box reaches the host:\n%s", out)
		}
	}
}

func TestOnlyTheWorkspaceAndTheScratchDirectoriesAreWritable(t *testing.T) {
	out := shell(t, testConfig(t), `find / -xdev -type d 2>/dev/null | head -200 > /tmp/dirs; for m in $(cut -d' ' -f2 /proc/mounts); do echo $m; done >> /tmp/dirs
		while read d; do [ -d "$d" ] && (: > "$d/.probe") 2>/dev/null && rm "$d/.probe" && echo "$d"; done < /tmp/dirs | sort -u`)
	got := strings.Fields(out)
	want := []string{"/dev/shm", "/home/user", "/tmp", "/workspace"}
	if !slices.Equal(got, want) {
		t.Errorf("writable: %v, want %v", got, want)
	}
}

func TestScratchDirectoriesAreBounded(t *testing.T) {
	for _, dir := range []string{"/tmp", "/home/user", "/dev/shm"} {
		out := shell(t, testConfig(t), "head -c 3000000 /dev/zero > "+dir+"/big; stat -c %s "+dir+"/big; rm "+dir+"/big; i=0; while : > "+dir+"/$i; do i=$((i+1)); done; echo $i")
		if !strings.Contains(out, "No space left") || !strings.Contains(out, "1048576") {
			t.Errorf("%s takes too much: %s", dir, out)
		}
		if strings.Count(out, "No space left") < 2 && !strings.Contains(out, "cannot create") {
			t.Errorf("%s takes too many files: %s", dir, out)
		}
	}
}

func TestTheBoxHasOnlyItsOwnProcessesNetworkAndName(t *testing.T) {
	out := shell(t, testConfig(t), "set -- /proc/[0-9]*; echo $#; grep -c : /proc/net/dev; hostname; cat /proc/sys/kernel/hostname")
	if fields := strings.Fields(out); !slices.Equal(fields, []string{"2", "1", "box", "box"}) { // agent, sh
		t.Errorf("got %q", fields)
	}
}

func TestLoopbackIsUpAndNothingElseAnswers(t *testing.T) {
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("needs /usr/bin/python3")
	}
	out := shell(t, testConfig(t), `exec /usr/bin/python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(s.getsockname(), 2); print("loopback")
try: socket.create_connection(("192.0.2.1", 53), 2); print("reached")
except OSError as e: print(e.strerror)'`)
	if out != "loopback\nNetwork is unreachable\n" {
		t.Errorf("got %q", out)
	}
}

func TestKernelSecretsAreMasked(t *testing.T) {
	out := shell(t, testConfig(t), `cat /proc/kcore /proc/kmsg /proc/keys /proc/timer_list 2>/dev/null | head -c 100 | wc -c
		for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname; do (echo b > $f) 2>/dev/null && echo "wrote $f"; done; true`)
	if strings.TrimSpace(out) != "0" {
		t.Errorf("got %q", out)
	}
}

func TestDevicesWorkAndTerminalsAreTheBoxsOwn(t *testing.T) {
	out := shell(t, testConfig(t), `echo x > /dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c && echo fd | cat /dev/fd/0 && ls /dev/pts`)
	if out != "4\n4\nfd\nptmx\n" {
		t.Errorf("got %q", out)
	}
}

func TestASeedIsCopiedOrLinked(t *testing.T) {
	source := testWorkspace(t)
	if err := os.MkdirAll(filepath.Join(source, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "a/b/f"), []byte("warm"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.Binds = append(cfg.Binds, Bind{Source: source, Target: "/opt/warm"})
	cfg.Seeds = []Seed{
		{Source: "/opt/warm", Target: "/home/user/.cache/copy"},
		{Source: "/opt/warm", Target: "/home/user/.cache/link", Link: true},
	}
	out := shell(t, cfg, `cd /home/user/.cache && cat copy/a/b/f link/a/b/f && echo && echo own > copy/a/b/f && echo own > link/a/b/new && cat copy/a/b/f && (echo poison > link/a/b/f) 2>/dev/null || echo refused`)
	if out != "warmwarm\nown\nrefused\n" {
		t.Errorf("got %q", out)
	}
}

func TestAnOptionalSourceMayBeMissingAndAnotherMayNot(t *testing.T) {
	cfg := testConfig(t)
	cfg.Binds = append(cfg.Binds, Bind{Source: "/no/such", Target: "/opt/x", Optional: true})
	if out := shell(t, cfg, "echo fine"); out != "fine\n" {
		t.Errorf("got %q", out)
	}
	cfg.Binds = append(cfg.Binds, Bind{Source: "/no/such", Target: "/opt/x"})
	if out := shell(t, cfg, "echo fine"); !strings.Contains(out, "bind /opt/x") {
		t.Errorf("the error does not name the step: %q", out)
	}
}

func TestBoxesOfAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 || testing.Short() {
		t.Skip("root runs this as an ordinary user, and not in a short run")
	}
	dir := openTempDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "box.test")
	for from, to := range map[string]string{self: program, enterProgram: filepath.Join(dir, "enter")} {
		if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	again := exec.Command(program, "-test.v", "-test.run", "^Test")
	again.Dir = dir
	again.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir, enterVariable+"="+filepath.Join(dir, "enter"))
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestTheRootHoldsOnlyWhatTheLayoutNames") {
		t.Skipf("this host does not allow boxes to ordinary users:\n%s", out)
	}
}

// openTempDir makes a directory that uid 65534 owns and can reach.
func openTempDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "box-user")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	return dir
}
