package docker

import "testing"

func TestTheCounterOfKillsIsFoundInEitherVersion(t *testing.T) {
	for text, want := range map[string]string{
		"9:pids:/docker/a\n4:memory:/docker/a\n1:name=systemd:/docker/a\n0::/\n": "/sys/fs/cgroup/memory/docker/a/memory.oom_control",
		"0::/system.slice/docker-a.scope\n":                                      "/sys/fs/cgroup/system.slice/docker-a.scope/memory.events",
		"nonsense\n":                                                             "",
	} {
		if got := oomFile(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	for content, want := range map[string]int64{
		"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n":                3,
		"low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n": 1,
	} {
		if got, known := oomKills(content); !known || got != want {
			t.Errorf("%q gives %d, %v", content, got, known)
		}
	}
	if _, known := oomKills("low 0\n"); known {
		t.Error("a file without the line is known")
	}
}
