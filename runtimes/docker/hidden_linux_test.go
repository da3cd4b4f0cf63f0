package docker

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
)

// hiddenVariable says what a test process is to hide from the engine.
const hiddenVariable = "DOCKER_TEST_HIDE"

// A server in a mount namespace of its own (a container, a systemd unit with
// PrivateMounts) has mounts that the engine does not see. Binding their paths
// would give sessions the empty directories below.
func TestAServerWhoseMountsTheEngineDoesNotSeeUsesVolumes(t *testing.T) {
	requireEngine(t, runtimes.Python)
	if os.Geteuid() != 0 {
		t.Skip("only root may make a mount namespace")
	}
	if os.Getenv(hiddenVariable) != "" {
		useHidden(t)
		return
	}
	name := t.Name()
	for _, hide := range []string{"the data directory", "the mounts of workspaces"} {
		t.Run(hide, func(t *testing.T) {
			inner := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$", "-test.v")
			inner.Env = append(os.Environ(), hiddenVariable+"="+hide)
			inner.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
			if out, err := inner.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func useHidden(t *testing.T) {
	r := newRealRuntime(t, func(o *Options) {
		if os.Getenv(hiddenVariable) != "the data directory" {
			return
		}
		o.DataDir += "/hidden"
		if err := os.Mkdir(o.DataDir, 0o711); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("hidden", o.DataDir, "tmpfs", 0, "mode=0711"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(o.DataDir, 0) })
	})
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	if _, remote := env.workspace.(*volumeWorkspace); !remote {
		t.Fatalf("the workspace is a %T", env.workspace)
	}
	put(t, env, "hello.py", "print('hello')\n")
	if exit, output := execute(t, env, "python3", "hello.py"); output != "hello\n" {
		t.Errorf("it printed %q and ended %+v", output, exit)
	}
}
