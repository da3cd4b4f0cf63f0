package docker

import (
	_ "embed"
	"os"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

//go:embed testdata/attempts.py
var attempts string

// By effect: what the list of layers says is not enough.
func TestWhatASessionMustNotDoIsRefused(t *testing.T) {
	requireEngine(t, runtimes.Python)
	for name, remote := range map[string]bool{"shared": false, "remote": true} {
		t.Run(name, func(t *testing.T) {
			r := newRealRuntime(t, func(o *Options) { o.Remote = remote })
			env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
			exit, output := execute(t, env, "python3", "-c", attempts)
			if exit.Status != runtimes.Completed || output != "done\n" {
				t.Errorf("%+v:\n%s", exit, output)
			}
		})
	}
}

// A filter that knows the calls of one ABI only would let those of another through.
func TestSystemCallsOfOtherABIsAreRefused(t *testing.T) {
	requireEngine(t, runtimes.Python)
	if goruntime.GOARCH != "amd64" {
		t.Skip("only x86-64 has them")
	}
	env := newEnvironment(t, newRealRuntime(t, nil), runtimes.Spec{Language: runtimes.Python})
	for name, program := range map[string]string{
		// getpid by way of x32.
		"x32": "import ctypes; print('pid', ctypes.CDLL(None).syscall(0x40000000 | 39))",
		// mov eax, 20; int 0x80; ret: getpid by way of i386.
		"i386": "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n" +
			"print('pid', ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))())",
	} {
		exit, output := execute(t, env, "python3", "-c", program)
		if pid, said := strings.CutPrefix(strings.TrimSpace(output), "pid "); said && !strings.HasPrefix(pid, "-") {
			t.Errorf("%s: the call returned %s (%+v)", name, pid, exit)
		}
	}
}

func TestTheLayersAreThoseOfAContainer(t *testing.T) {
	requireEngine(t, runtimes.Python)
	env := newEnvironment(t, newRealRuntime(t, nil), runtimes.Spec{Language: runtimes.Python})
	want := []runtimes.Layer{
		runtimes.MountNamespace, runtimes.NoHostFiles, runtimes.PIDNamespace, runtimes.IPCNamespace, runtimes.UTSNamespace,
		runtimes.NetworkNamespace, runtimes.CgroupNamespace, runtimes.NoCapabilities, runtimes.NoNewPrivileges,
		runtimes.SeccompAllowList, runtimes.Seccomp, runtimes.CgroupMemory, runtimes.CgroupPids, runtimes.CgroupCPU, runtimes.TreeKill,
	}
	if os.Geteuid() == 0 {
		want = append(want, runtimes.OwnUID, runtimes.DiskQuota)
	}
	for _, layer := range want {
		if !env.Isolation().Has(layer) {
			t.Errorf("the layer %s is missing in %v", layer, env.Isolation().Layers)
		}
	}
	wantScore := 8 // docs/runtimes.md, "Isolation"
	if os.Geteuid() == 0 {
		wantScore = 9
	}
	if score := env.Isolation().Score; score != wantScore {
		t.Errorf("the score is %d, want %d", score, wantScore)
	}
}

func TestASessionHasItsOwnUserFilesAndVariables(t *testing.T) {
	requireEngine(t, runtimes.Python)
	r := newRealRuntime(t, nil)
	env := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	if err := env.Assign(t.Context(), runtimes.Assignment{Env: []string{"MINE=1"}}); err != nil {
		t.Fatal(err)
	}
	_, output := execute(t, env, "sh", "-c", "id -un; echo $HOME $TMPDIR $LANG $MINE; pwd; hostname | cut -c 1-8; touch here /tmp/x ~/y && echo written; "+
		"stat -c %a /tmp $HOME; ls -A /.codebeaker/link; dd if=/dev/zero of=/tmp/big bs=1M count=200 2>&1 | grep -c 'No space'")
	want := "user\n/home/user /tmp C.UTF-8 1\n/workspace\nsession-\nwritten\n1777\n700\n"
	if os.Geteuid() == 0 {
		want += "1\n"
	} else {
		want += "0\n" // on disk, without a limit
	}
	if output != want {
		t.Errorf("it printed\n%s\nwant\n%s", output, want)
	}
	other := newEnvironment(t, r, runtimes.Spec{Language: runtimes.Python})
	if os.Geteuid() == 0 && env.workspace.UID() == other.workspace.UID() {
		t.Error("two sessions have one uid")
	}
	if _, output := execute(t, other, "sh", "-c", "ls -A /tmp ~ /workspace /dev/shm | grep -v : | tr -d '\\n'"); output != "" {
		t.Errorf("another session finds %q", output)
	}
}
