package boxed_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
	"github.com/codebeaker/codebeaker/runtimes/internal/tunnel"
)

func TestMain(m *testing.M) {
	egress.RunRelay()
	goleak.VerifyTestMain(m)
}

// shellFlavor is a runtime whose tool is the host's shell.
func shellFlavor() boxed.Flavor {
	return boxed.Flavor{
		Type: runtimes.Native, Programs: []string{"sh"},
		Find: func(context.Context, *boxed.Host) (boxed.Kit, error) {
			return boxed.Kit{
				Version: "1", Tools: map[string]string{"sh": "1"},
				Env: []string{"KIT=yes"},
				Languages: []boxed.Language{{
					Language: runtimes.JavaScript,
					Check:    boxed.Check{Name: "ok.sh", Text: "echo ok\n", Run: []string{"sh", "ok.sh"}, Want: "ok\n"},
				}},
			}, nil
		},
	}
}

func newShell(t testing.TB) *boxed.Runtime {
	t.Helper()
	boxedtest.NotShort(t)
	r := boxed.New(boxedtest.Options(t), shellFlavor())
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

var limits = runtimes.Limits{
	MemoryBytes: 256 << 20, CPUs: 0.5, Processes: 32, DiskBytes: 16 << 20, OpenFiles: 256, OutputBytes: 1 << 20,
}

func spec() runtimes.Spec {
	return runtimes.Spec{Name: "s1", Language: runtimes.JavaScript, Limits: limits}
}

func isRoot() bool { return os.Geteuid() == 0 }

// grouped are the resources that control groups limit here.
func grouped() cgroup.Controllers {
	groups, err := cgroup.Detect()
	if err != nil {
		return cgroup.Controllers{}
	}
	return groups.Controllers()
}

func TestAProgramRunsWithTheSessionsFilesAndEnvironment(t *testing.T) {
	e := boxedtest.Create(t, newShell(t), spec())
	ctx := context.Background()
	if _, err := e.Workspace().WriteFile(ctx, runtimes.WriteFile{Path: "in.txt", Content: []byte("data")}); err != nil {
		t.Fatal(err)
	}
	if err := e.Assign(t.Context(), runtimes.Assignment{Env: []string{"GREETING=hello"}}); err != nil {
		t.Fatal(err)
	}
	got := boxedtest.Shell(t, e, `cat in.txt; echo " $GREETING $KIT $HOME $PWD $LANG"; echo made > out.txt; id -un; touch $HOME/x $TMPDIR/y && exit 3`)
	if got.Stdout != "data hello yes /home/user /workspace C.UTF-8\nuser\n" || got.Status != runtimes.NonZeroExit || *got.Code != 3 {
		t.Errorf("got %+v", got)
	}
	content, err := e.Workspace().ReadFile(ctx, runtimes.ReadFile{Path: "out.txt"})
	if err != nil || string(content.Content) != "made\n" {
		t.Errorf("got %q, %v", content.Content, err)
	}
	if e.ContainerID() != "" || !strings.HasPrefix(e.ID(), "native-") {
		t.Errorf("id %q, container %q", e.ID(), e.ContainerID())
	}
}

func TestNothingOfTheServerIsVisible(t *testing.T) {
	t.Setenv("SERVER_SECRET", "s3cret")
	e := boxedtest.Create(t, newShell(t), spec())
	got := boxedtest.Shell(t, e, `env; cat /proc/1/environ /proc/1/maps 2>&1; ls -la /proc/1/fd /proc/1/root /proc/1/cwd 2>&1; ls / /home; cat /etc/passwd; ls /proc/self/fd`)
	for _, secret := range []string{"s3cret", "SERVER", "workspaces", "/root/"} {
		if strings.Contains(got.Stdout+got.Stderr, secret) {
			t.Errorf("%q is visible:\n%s%s", secret, got.Stdout, got.Stderr)
		}
	}
	if !strings.HasSuffix(got.Stdout, "0\n1\n2\n3\n") { // 3 is ls's own
		t.Errorf("descriptors are open: %q", got.Stdout)
	}
}

func TestPrivilegesAreGone(t *testing.T) {
	e := boxedtest.Create(t, newShell(t), spec())
	boxedtest.Shell(t, e, `kill -9 -1`)
	got := boxedtest.Shell(t, e, `mount -t tmpfs x /tmp && echo mounted; unshare -r true && echo user; unshare -n true && echo net; hostname evil && echo named; kill -9 1; kill -TERM 1
		grep -E '^(Cap(Eff|Prm|Inh|Amb)|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\t\n'`)
	want := "CapInh:0000000000000000CapPrm:0000000000000000CapEff:0000000000000000CapAmb:0000000000000000NoNewPrivs:1Seccomp:2"
	if got.Stdout != want {
		t.Errorf("got %q %q", got.Stdout, got.Stderr)
	}
	select {
	case <-e.Lost():
		t.Error("a program ended the agent")
	default:
	}
}

func TestLayersAreWhatTheHostLetsUsHave(t *testing.T) {
	e := boxedtest.Create(t, newShell(t), spec())
	want := []runtimes.Layer{
		runtimes.MountNamespace, runtimes.NoHostFiles, runtimes.PIDNamespace, runtimes.IPCNamespace, runtimes.UTSNamespace,
		runtimes.NetworkNamespace, runtimes.CgroupNamespace, runtimes.NoCapabilities, runtimes.NoNewPrivileges,
		runtimes.Seccomp, runtimes.SeccompAllowList, runtimes.TreeKill, runtimes.ResourceLimits,
	}
	if isRoot() {
		want = append(want, runtimes.OwnUID, runtimes.DiskQuota)
	} else {
		want = append(want, runtimes.UserNamespace)
	}
	limited := grouped()
	for layer, there := range map[runtimes.Layer]bool{
		runtimes.CgroupMemory: limited.Memory, runtimes.CgroupPids: limited.Processes, runtimes.CgroupCPU: limited.CPU,
	} {
		if there {
			want = append(want, layer)
		}
	}
	got := slices.Clone(e.Isolation().Layers)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	t.Logf("score %d", e.Isolation().Score)
}

func TestLimitsAreReadBack(t *testing.T) {
	got := boxedtest.Create(t, newShell(t), spec()).Limits()
	want := limits
	share := limits.MemoryBytes / 2
	want.SharedMemoryBytes = share
	if isRoot() {
		want.HomeBytes, want.TemporaryBytes = share, share
		want.Inodes = got.Inodes
		if got.Inodes <= 0 {
			t.Error("no bound of inodes")
		}
	} else {
		want.DiskBytes = 0 // nothing enforces it
	}
	if !grouped().CPU {
		want.CPUs = 0
	}
	if !grouped().Memory {
		want.MemoryBytes, want.ProcessMemoryBytes = 0, limits.MemoryBytes
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMemoryIsEnforced(t *testing.T) {
	e := boxedtest.Create(t, newShell(t), spec())
	got := boxedtest.Shell(t, e, "exec tail /dev/zero")
	want := runtimes.NonZeroExit // its allocation fails
	if grouped().Memory {
		want = runtimes.MemoryLimitExceeded
	}
	if got.Status != want {
		t.Errorf("got %+v", got)
	}
	if got := boxedtest.Shell(t, e, "echo alive"); got.Stdout != "alive\n" {
		t.Errorf("the environment does not work afterwards: %+v", got)
	}
}

func TestProcessesAreEnforcedAndAForkBombIsGoneAtClose(t *testing.T) {
	r := newShell(t)
	e := boxedtest.Create(t, r, spec())
	// The shell gives up at the first fork that fails; what it started stays.
	process, bomb := boxedtest.Start(t, e, command(
		`(i=0; while [ $i -lt 100 ]; do setsid sleep 987654 & i=$((i+1)); done) 2>&1; echo over; while :; do :; done`))
	waitFor(t, bomb, "over")
	if !strings.Contains(bomb.Stdout(), "fork") {
		t.Errorf("more than 32 processes run: %q", bomb.Stdout())
	}
	most := 32
	if !grouped().Processes {
		most += boxed.AgentThreads // RLIMIT_NPROC counts them, and they may be fewer
	}
	if running := len(hostProcesses(t, "sleep\x00987654")); running < 10 || running > most {
		t.Errorf("%d processes run", running)
	}
	begin := time.Now()
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Logf("gone after %v", time.Since(begin))
	if left := hostProcesses(t, "sleep\x00987654"); len(left) != 0 {
		t.Errorf("processes %v survive", left)
	}
	if got := bomb.Wait(t); got.Status != runtimes.EnvironmentLost && got.Status != runtimes.Cancelled {
		t.Errorf("the execution ended as %+v", got)
	}
	process.Stop(runtimes.Cancelled) // does nothing
}

// hostProcesses lists the processes of the host whose command line holds text.
func hostProcesses(t *testing.T, text string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline"); err == nil && strings.Contains(string(line), text) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestCPUIsEnforced(t *testing.T) {
	if !grouped().CPU {
		t.Skip("nothing limits the CPU time of boxes here")
	}
	e := boxedtest.Create(t, newShell(t), spec())
	got := boxedtest.Shell(t, e, `end=$(($(date +%s) + 2)); (while [ $(date +%s) -lt $end ]; do :; done) & while [ $(date +%s) -lt $end ]; do :; done; wait`)
	if got.Usage.CPU == nil || got.Usage.Wall < time.Second {
		t.Fatalf("got %+v", got)
	}
	if share := got.Usage.CPU.Seconds() / got.Usage.Wall.Seconds(); share > 0.7 {
		t.Errorf("two busy loops got %.2f CPUs of 0.5", share)
	}
}

func TestDiskIsEnforced(t *testing.T) {
	if !isRoot() {
		t.Skip("nothing limits the disk of an ordinary user's workspace")
	}
	e := boxedtest.Create(t, newShell(t), spec())
	got := boxedtest.Shell(t, e, "head -c 100000000 /dev/zero > big; stat -c %s big")
	if !strings.Contains(got.Stderr, "No space left") || strings.TrimSpace(got.Stdout) != strconv.Itoa(16<<20) {
		t.Errorf("got %+v", got)
	}
}

func TestALostEnvironmentIsToldAndReplacedOnTheSameFiles(t *testing.T) {
	r := newShell(t)
	e := boxedtest.Create(t, r, spec())
	_, running := boxedtest.Start(t, e, command("echo keep > file; echo ready; sleep 100"))
	waitFor(t, running, "ready")
	killAgent(t, e)
	select {
	case <-e.Lost():
	case <-time.After(5 * time.Second):
		t.Fatal("the loss is not noticed")
	}
	if got := running.Wait(t); got.Status != runtimes.EnvironmentLost || got.Code != nil {
		t.Errorf("the execution ended as %+v", got)
	}
	if _, err := e.Start(context.Background(), runtimes.Command{Name: "true"}, boxedtest.NewRecorder()); !errors.Is(err, runtimes.ErrEnvironmentLost) {
		t.Errorf("a start in a lost environment: %v", err)
	}
	again := spec()
	again.Workspace = e.Workspace()
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := boxedtest.Shell(t, boxedtest.Create(t, r, again), "cat file"); got.Stdout != "keep\n" {
		t.Errorf("the files are not those of before: %+v", got)
	}
}

func TestTheInternetIsGivenOrRefusedWithAReason(t *testing.T) {
	s := spec()
	s.Network = runtimes.Internet
	e, err := newShell(t).Create(context.Background(), s)
	if unavailable := tunnel.Available(); unavailable != nil {
		var failed *runtimes.EnvironmentError
		if !errors.As(err, &failed) || !strings.Contains(failed.Reason, "network none") {
			t.Errorf("got %v, where %v", err, unavailable)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !e.Isolation().Has(runtimes.NetworkFilter) {
		t.Errorf("the layers are %v", e.Isolation().Layers)
	}
	if err := errors.Join(e.Close(context.Background()), e.Workspace().Close()); err != nil {
		t.Error(err)
	}
}

func TestProbeRunsAProgramInABox(t *testing.T) {
	r := newShell(t)
	a := r.Probe(context.Background())
	if !a.Available || !slices.Equal(a.Languages, []runtimes.Language{runtimes.JavaScript}) || a.Isolation.Score < 5 {
		t.Errorf("got %+v", a)
	}
	t.Logf("%+v", a)
}

func TestMemoryOfABoxIsMeasured(t *testing.T) {
	e := boxedtest.Create(t, newShell(t), spec())
	meter, ok := e.(runtimes.MemoryMeter)
	if !ok {
		t.Fatal("a box has no memory meter")
	}
	got, err := meter.Memory(context.Background())
	if err != nil || got < 1<<20 || got > 64<<20 {
		t.Errorf("an idle box occupies %d bytes, %v", got, err)
	}
	t.Logf("idle %.1f MB", float64(got)/(1<<20))
}

// The scores are those of docs/runtimes.md, "Isolation".
func TestTheScoreIsTheOneThatIsDocumented(t *testing.T) {
	e := boxedtest.Create(t, newShell(t), spec())
	want := 7
	if g := grouped(); isRoot() {
		want = 9
	} else if g.Memory && g.Processes && g.CPU {
		want = 8
	}
	if got := e.Isolation(); got.Score != want {
		t.Errorf("the score is %d, want %d: %v", got.Score, want, got.Layers)
	}
}

// Programs were to be taken before the agent when their group has no memory left,
// and were not: what shares the memory of an undumpable process cannot open the file.
func TestInAGroupAProgramIsTakenBeforeTheAgent(t *testing.T) {
	if !grouped().Memory {
		t.Skip("there are no control groups")
	}
	e := boxedtest.Create(t, newShell(t), spec())
	for range 2 { // the agent has its own value again
		if got := boxedtest.Shell(t, e, "cat /proc/self/oom_score_adj /proc/1/oom_score_adj"); got.Stdout != "1000\n500\n" {
			t.Errorf("got %q", got.Stdout)
		}
	}
}
