package docker

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/surroundings"
)

func testBlueprint() *blueprint {
	return &blueprint{
		image:  &imageFacts{id: "sha256:1", env: []string{"PATH=/opt/bin", "GOFLAGS=-mod=mod"}, volumes: map[string]struct{}{"/data": {}}},
		limits: runtimes.Limits{MemoryBytes: 256 << 20, CPUs: 0.5, Processes: 64, DiskBytes: 32 << 20, OpenFiles: 100},
		uid:    200001, gid: 200001,
	}
}

func TestAContainerIsConfined(t *testing.T) {
	host := testBlueprint().hostConfig()
	for what, is := range map[string]bool{
		"no capabilities":     slices.Equal(host.CapDrop, []string{"ALL"}) && len(host.CapAdd) == 0,
		"no new privileges":   slices.Contains(host.SecurityOpt, "no-new-privileges"),
		"own seccomp profile": slices.ContainsFunc(host.SecurityOpt, func(o string) bool { return strings.HasPrefix(o, "seccomp={") }),
		"read-only root":      host.ReadonlyRootfs,
		"no network":          host.NetworkMode == "none",
		"private ipc":         host.IpcMode.IsPrivate(),
		"no log":              host.LogConfig.Type == "none",
		"no init":             host.Init != nil && !*host.Init,
		"not privileged":      !host.Privileged && !host.AutoRemove,
		"no swap":             host.Memory == 256<<20 && host.MemorySwap == host.Memory,
		"half a CPU":          host.NanoCPUs == 5e8,
		"processes":           *host.PidsLimit == 64+agentTasks,
		"image's volume":      strings.HasPrefix(host.Tmpfs["/data"], "ro,"),
		"bounded /tmp":        strings.Contains(host.Tmpfs["/tmp"], "size=134217728,nr_inodes=32768,"),
		"bounded /var/tmp":    strings.Contains(host.Tmpfs["/var/tmp"], "size=134217728,nr_inodes=32768,"),
		"bounded HOME":        strings.Contains(host.Tmpfs[surroundings.Home], "size=134217728,nr_inodes=32768,"),
		"bounded /dev/shm":    host.ShmSize == 128<<20,
	} {
		if !is {
			t.Errorf("the container lacks: %s", what)
		}
	}
	config := testBlueprint().config()
	if config.User != "200001:200001" || config.Entrypoint[0] != guestTarget || config.Healthcheck.Test[0] != "NONE" {
		t.Errorf("the container's first process is %v as %q", config.Entrypoint, config.User)
	}
}

func TestProgramsGetTheImagesVariablesThenOursThenTheSessions(t *testing.T) {
	env := testBlueprint().environment([]string{"HOME=/elsewhere", "A=1", "nonsense", "=x"})
	for _, want := range []string{"GOFLAGS=-mod=mod", "HOME=/elsewhere", "A=1", "TMPDIR=/tmp", "LANG=C.UTF-8"} {
		if !slices.Contains(env, want) {
			t.Errorf("%q is missing in %q", want, env)
		}
	}
	if slices.Contains(env, "HOME="+surroundings.Home) || slices.Contains(env, "nonsense") || slices.Contains(env, "=x") {
		t.Errorf("the variables are %q", env)
	}
}

func TestTheSeccompProfileAllowsNoCallTwiceAndNoneOfTheHostileOnes(t *testing.T) {
	var profile seccompProfile
	if err := json.Unmarshal([]byte(seccompJSON), &profile); err != nil {
		t.Fatal(err)
	}
	plain := make(map[string]bool)
	for _, rule := range profile.Syscalls {
		for _, name := range rule.Names {
			if rule.Action != allow || len(rule.Args) > 0 {
				continue
			}
			if plain[name] {
				t.Errorf("%s is allowed twice", name)
			}
			plain[name] = true
		}
	}
	// Of clone3 see buildSeccomp: the agent's own filter answers it.
	for name := range strings.FieldsSeq(`io_setup rt_sigqueueinfo io_uring_setup io_uring_enter io_uring_register bpf userfaultfd perf_event_open
		keyctl add_key request_key kcmp pidfd_getfd
		mount umount2 unshare setns pivot_root chroot open_by_handle_at name_to_handle_at move_mount fsopen
		init_module finit_module delete_module kexec_load kexec_file_load reboot settimeofday clock_settime
		sethostname setdomainname swapon swapoff acct quotactl syslog iopl ioperm socket socketpair clone
		personality socketcall vhangup`) {
		if plain[name] {
			t.Errorf("%s is allowed whatever its arguments", name)
		}
	}
	if profile.DefaultAction != errno {
		t.Errorf("the default action is %s", profile.DefaultAction)
	}
}

// The engine refuses to give more than its machine has.
func TestMoreCPUsThanThereAreBecomeAsManyAsThereAre(t *testing.T) {
	d := newDaemon(t)
	r := newFakeRuntime(t, d, nil)
	spec := python
	spec.Limits.CPUs = 64
	env, err := r.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTrial(t.Context(), env.(*Environment))
	d.mu.Lock()
	defer d.mu.Unlock()
	host := d.findLocked(env.ContainerID()).body["HostConfig"].(map[string]any)
	if host["NanoCpus"] != 2e9 {
		t.Errorf("the engine is asked for %v", host["NanoCpus"])
	}
}
