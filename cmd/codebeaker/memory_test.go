package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The least limit of the server's group and those above it counts, of either
// version.
func TestTheBudgetKnowsTheServersControlGroup(t *testing.T) {
	for _, c := range []struct {
		name, groups string
		limits       map[string]string
		want         int64
	}{
		{"version 2", "0::/a/b\n", map[string]string{"a/memory.max": "1000\n", "a/b/memory.max": "max\n"}, 1000},
		{"version 1", "5:memory:/a\n4:cpu,cpuacct:/x\n", map[string]string{
			"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/a/memory.limit_in_bytes": "2000\n"}, 2000},
		{"a container, whose groups are not shown", "0::/../elsewhere\n", map[string]string{"memory.max": "3000\n"}, 3000},
		{"none", "0::/a\n", map[string]string{"a/memory.max": "max\n"}, 0},
	} {
		root := t.TempDir()
		for file, text := range c.limits {
			file = filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		list := filepath.Join(root, "cgroup")
		if err := os.WriteFile(list, []byte(c.groups), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := groupMemory(list, root); got != c.want {
			t.Errorf("%s: %d, not %d", c.name, got, c.want)
		}
	}
}
