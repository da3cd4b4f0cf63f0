package guestlink

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// hardened has a uid that nobody else on the host has: RLIMIT_NPROC counts
// tasks by it.
var hardened = Hello{
	User:   &User{UID: 61234, GID: 61234},
	Harden: Harden{NoCapabilities: true, NoNewPrivileges: true, Seccomp: true},
	Limits: []ResourceLimit{{Name: "nofile", Value: 200}, {Name: "core", Value: 0}},
}

// openHardened opens a link to an agent with all measures.
func openHardened(t testing.TB) *Link {
	t.Helper()
	notShort(t)
	return open(t, Options{Hello: hardened})
}

// probe is the directory of testdata/probe, built once, executable by all.
var probe = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(probeVariable); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("/var/tmp", "probe") // a box has a /tmp of its own
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return dir, err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "./testdata/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return dir, cmd.Run()
})

// probeVariable hands the directory to the run as an ordinary user.
const probeVariable = "LINK_TEST_PROBE"

func probePath(t testing.TB) string {
	t.Helper()
	dir, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "probe")
}

func TestProgramsRunUnderEveryMeasure(t *testing.T) {
	l := openHardened(t)
	if r := l.Report(); r.Harden != hardened.Harden || !r.Undumpable || len(r.Limits) != 2 || r.Limits[0].Value != 200 {
		t.Errorf("report: %+v", r)
	}
	r, exit := run(t, l, runtimes.Command{Name: probePath(t)})
	if exit.Status != runtimes.Completed {
		t.Fatalf("%+v\n%s", exit, r.text(runtimes.Stderr))
	}
	got := make(map[string]string)
	for line := range strings.Lines(r.text(runtimes.Stdout)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		got[key] = value
	}
	for key, want := range expected {
		if os.Geteuid() != 0 {
			want = strings.ReplaceAll(want, "61234", "1000")
			if key == "Groups" {
				continue // a user namespace without privileges cannot drop them, user_namespaces(7)
			}
			if key == "setuid-root" {
				want = "EINVAL" // the user namespace has no root
			}
		}
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	if len(got) != len(expected) {
		t.Errorf("%d answers, %d expected", len(got), len(expected))
	}
	_, exit = run(t, l, runtimes.Command{Name: probePath(t), Args: []string{"32"}})
	// Some kernels take no 32-bit calls from anybody (ia32_emulation=0, guests of
	// confidential machines); nobody may make one then.
	out, err := exec.Command(probePath(t), "32").CombinedOutput()
	if taken := err == nil; taken && exit.Signal != "SIGSYS" || !taken && exit.Status == runtimes.Completed {
		t.Errorf("a 32-bit call: %+v; outside: %v %.100s", exit, err, out)
	}
}

// expected are the answers of testdata/probe.
var expected = map[string]string{
	"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapAmb": "0000000000000000",
	"NoNewPrivs": "1", "Seccomp": "2", "Groups": "", "SigIgn": "0000000000000000", "SigBlk": "0000000000000000",
	"Uid": "61234\t61234\t61234\t61234", "Gid": "61234\t61234\t61234\t61234",
	"/proc/1/fd": "true", "/proc/1/environ": "true", "/proc/1/maps": "true", "/proc/1/root/": "true",
	"mount": "EPERM", "umount2": "EPERM", "pivot_root": "EPERM", "chroot": "EPERM", "setns": "EPERM",
	"unshare-user": "EPERM", "unshare-files": "EPERM", "clone-user": "EPERM", "clone3": "ENOSYS",
	"bpf": "EPERM", "io_uring_setup": "EPERM", "userfaultfd": "EPERM", "perf_event_open": "EPERM",
	"keyctl": "EPERM", "add_key": "EPERM", "request_key": "EPERM", "kexec_load": "EPERM", "init_module": "EPERM",
	"open_by_handle_at": "EPERM", "settimeofday": "EPERM", "sethostname": "EPERM",
	"ptrace-attach": "EPERM", "process_vm_readv": "EPERM", "prlimit-agent": "EPERM",
	"pidfd-signal": "EBADF", "pidfd-signal-forged": "ENOSYS", "pidfd-signal-high": "ENOSYS", "prlimit-self": "",
	"socket-vsock": "EAFNOSUPPORT", "socket-alg": "EAFNOSUPPORT", "socket-packet": "EAFNOSUPPORT",
	"socket-netfilter": "EPROTONOSUPPORT", "socket-route": "", "socket-inet": "", "socket-unix": "",
	"personality": "EPERM", "tiocsti": "EPERM", "setuid-root": "EPERM", "x32": "EPERM", "no-such-call": "ENOSYS",
	"socketpair-inet": "EAFNOSUPPORT", "personality-fixed": "", "unlisted": "",
}

func TestEveryThreadOfTheAgentIsConfined(t *testing.T) {
	l := openHardened(t)
	r, exit := run(t, l, shell(`for s in /proc/1/task/*/status; do grep -E '^(CapEff|CapPrm|NoNewPrivs|Seccomp):' $s | tr -d '\n\t'; echo; done | sort -u`))
	if got, want := r.text(runtimes.Stdout), "CapPrm:0000000000000000CapEff:0000000000000000NoNewPrivs:1Seccomp:2\n"; got != want || exit.Status != runtimes.Completed {
		t.Errorf("%+v\n%s", exit, got)
	}
}

func TestProgramsCannotEndTheAgent(t *testing.T) {
	l := openHardened(t)
	if l.Report().PID != 1 {
		t.Skip("needs a pid namespace")
	}
	for _, sig := range []string{"TERM", "INT", "HUP", "QUIT", "ABRT", "SEGV", "BUS", "FPE", "ILL", "TRAP", "SYS", "PIPE", "ALRM",
		"USR1", "USR2", "CHLD", "CONT", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "STKFLT", "RTMIN", "RTMAX", "KILL", "STOP"} {
		run(t, l, shell("kill -"+sig+" 1"))
		if err := l.Ping(t.Context()); err != nil {
			t.Fatalf("SIG%s: %v", sig, err)
		}
	}
	run(t, l, shell("i=1; while [ $i -le 64 ]; do kill -$i 1; i=$((i+1)); done"))
	if err := l.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A process does not signal itself by -1, but its keeper, and so is ended.
	if _, exit := run(t, l, shell("kill -9 -1; exit 4")); exit.Signal != "SIGKILL" && (exit.Code == nil || *exit.Code != 4) {
		t.Errorf("kill -9 -1: %+v", exit)
	}
	if err := l.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestToolchainsRunUnderEveryMeasure(t *testing.T) {
	l := openHardened(t)
	for _, cmd := range []runtimes.Command{
		{Name: "python3", Args: []string{"-c", "import threading, subprocess, socket; t = threading.Thread(target=print, args=('ok',)); t.start(); t.join(); subprocess.run(['true'], check=True)"}},
		{Name: "node", Args: []string{"-e", "require('child_process').execFileSync('true'); new (require('worker_threads').Worker)('0', {eval: true}).on('exit', () => console.log('ok'))"}},
	} {
		if _, err := exec.LookPath(cmd.Name); err != nil {
			t.Logf("%s is not installed here", cmd.Name)
			continue
		}
		r, exit := run(t, l, cmd)
		if exit.Status != runtimes.Completed || r.text(runtimes.Stdout) != "ok\n" {
			t.Errorf("%s: %+v\n%s%s", cmd.Name, exit, r.text(runtimes.Stdout), r.text(runtimes.Stderr))
		}
	}
}

func TestAMeasureThatCannotBeTakenEndsTheLink(t *testing.T) {
	_, err := Open(t.Context(), startAgent(t).conn, Options{Hello: Hello{Limits: []ResourceLimit{{Name: "no-such"}}}})
	if helloErr, ok := err.(*HelloError); !ok || !strings.Contains(helloErr.Message, `there is no resource limit "no-such"`) {
		t.Errorf("got %v", err)
	}
}
