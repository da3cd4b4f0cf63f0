package docker

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/codebeaker/codebeaker/runtimes"
)

// waitGone fails unless the environment is lost within a second.
func waitGone(t *testing.T, env *Environment) {
	t.Helper()
	began := time.Now()
	select {
	case <-env.Lost():
		t.Logf("noticed after %v", time.Since(began))
	case <-time.After(time.Second):
		t.Fatal("the loss was not noticed within a second")
	}
}

func TestAContainerEndedFromOutsideIsLostAndReplacedOnTheSameFiles(t *testing.T) {
	requireEngine(t, runtimes.Python)
	ways := map[string]func(context.Context, *engine, string) error{
		"docker rm -f": func(ctx context.Context, e *engine, id string) error {
			return e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
		},
		"docker kill": func(ctx context.Context, e *engine, id string) error {
			return e.api.ContainerKill(ctx, id, "KILL")
		},
	}
	for _, remote := range []bool{false, true} {
		for way, end := range ways {
			t.Run(map[bool]string{false: "shared ", true: "remote "}[remote]+way, func(t *testing.T) {
				r := newRealRuntime(t, func(o *Options) { o.Remote = remote })
				env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
				put(t, env, "kept.txt", "kept")
				sink := &keeper{exited: make(chan runtimes.Exit, 1)}
				if _, err := env.Start(t.Context(), runtimes.Command{Name: "sleep", Args: []string{"60"}}, sink); err != nil {
					t.Fatal(err)
				}
				if err := end(t.Context(), r.engine, env.container); err != nil {
					t.Fatal(err)
				}
				waitGone(t, env)
				select {
				case exit := <-sink.exited:
					if exit.Status != runtimes.EnvironmentLost || exit.Code != nil {
						t.Errorf("the program ended as %+v", exit)
					}
				default:
					t.Error("the program was not told before the environment was lost")
				}
				if err := env.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				again := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python, Name: "again", Workspace: env.Workspace()})
				if exit, output := execute(t, again, "cat", "kept.txt"); output != "kept" {
					t.Errorf("the file holds %q in the replacement (%+v)", output, exit)
				}
			})
		}
	}
}

func TestWithoutSharedDirectoriesFilesGoThroughTheAgent(t *testing.T) {
	requireEngine(t, runtimes.Python)
	r := newRealRuntime(t, func(o *Options) { o.Remote = true })
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	put(t, env, "a/b.py", "import os; open('out', 'w').write('%d' % os.getuid()); print('ran')")
	if exit, output := execute(t, env, "python3", "a/b.py"); output != "ran\n" {
		t.Errorf("it printed %q and ended %+v", output, exit)
	}
	content, err := env.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: "out"})
	if err != nil || string(content.Content) == "0" || len(content.Content) == 0 {
		t.Errorf("the program ran as uid %q (%v)", content.Content, err)
	}
	_, err = env.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: "../etc/passwd"})
	if runtimes.FileCodeOf(err) != runtimes.CodePathOutsideWorkspace {
		t.Errorf("a path out of the workspace gives %v", err)
	}
}

func TestMemoryBeyondTheLimitEndsTheProgramAndNotTheEnvironment(t *testing.T) {
	requireEngine(t, runtimes.Python)
	for name, remote := range map[string]bool{"shared": false, "remote": true} {
		t.Run(name, func(t *testing.T) { exceedMemory(t, remote) })
	}
}

func exceedMemory(t *testing.T, remote bool) {
	r := newRealRuntime(t, func(o *Options) { o.Remote = remote })
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	exit, _ := execute(t, env, "python3", "-c", "b = bytearray(10**9)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('filled')")
	if exit.Status != runtimes.MemoryLimitExceeded {
		t.Errorf("it ended %+v", exit)
	}
	exit, _ = execute(t, env, "sh", "-c", "kill -KILL $$")
	if exit.Status != runtimes.Signalled || exit.Signal != "SIGKILL" {
		t.Errorf("one that killed itself ended %+v", exit)
	}
	if _, output := execute(t, env, "echo", "alive"); output != "alive\n" {
		t.Errorf("afterwards echo prints %q", output)
	}
}

// The cgroup files are the kernel's word, next to the engine's.
func TestLimitsAreReadBackAndHold(t *testing.T) {
	requireEngine(t, runtimes.Python)
	r := newRealRuntime(t, nil)
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	got := env.Limits()
	if got.MemoryBytes != 256<<20 || got.CPUs != 1 || got.Processes != 64 || got.OpenFiles != 1024 || got.OutputBytes != 1<<20 {
		t.Errorf("the limits are %+v", got)
	}
	if os.Geteuid() == 0 && (got.DiskBytes != 64<<20 || got.Inodes == 0) {
		t.Errorf("the disk is limited to %d bytes, %d inodes", got.DiskBytes, got.Inodes)
	}
	// What else the user runs on the host is none of the session's.
	for range 100 {
		other := exec.CommandContext(t.Context(), "sleep", "1000")
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = other.Process.Kill()
			_ = other.Wait()
		})
	}
	_, output := execute(t, env, "python3", "-c", forkUntilRefused)
	made := 0
	for _, digit := range strings.TrimSpace(output) {
		made = made*10 + int(digit-'0')
	}
	most := 64
	if env.oom != nil { // no cgroup of our own: what the agent does not use is there for programs
		most += agentTasks
	}
	if made < 60 || made > most {
		t.Errorf("a program could make %q processes, want 60 to %d", output, most)
	}
	exit, _ := execute(t, env, "python3", "-c", "import os\nfs=[]\ntry:\n  while True: fs.append(os.open('/dev/null', 0))\nexcept OSError as e: raise SystemExit(len(fs) > 1024 or e.errno != 24)")
	if exit.Status != runtimes.Completed {
		t.Errorf("open files are not bounded: %+v", exit)
	}
}

const forkUntilRefused = `
import os, time, signal
made = []
try:
    while len(made) < 500:
        pid = os.fork()
        if pid == 0:
            time.sleep(30); os._exit(0)
        made.append(pid)
except OSError as e:
    assert e.errno == 11, e
print(len(made))
for pid in made: os.kill(pid, signal.SIGKILL)
`

func TestTheMemoryOfAnEnvironmentIsToldInBytes(t *testing.T) {
	requireEngine(t, runtimes.Python)
	env := newEnvironment(t, newRealRuntime(t, nil), runtimes.Spec{Language: runtimes.Python})
	used, err := env.Memory(t.Context())
	if err != nil || used < 1<<20 || used > 64<<20 {
		t.Errorf("an idle environment occupies %d bytes (%v)", used, err)
	}
	inside, err := env.r.engine.memory(t.Context(), env.container)
	if err != nil {
		t.Fatal(err)
	}
	// The engine's shim is a program of some ten megabytes; only root may look.
	if os.Geteuid() == 0 && env.pid != 0 && used-inside < 1<<20 {
		t.Errorf("the engine's process beside the container is not counted: %d of %d bytes are inside", inside, used)
	}
}
