package runtimes

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The situations are those of docs/runtimes.md, all of them.
func TestScoresOfTheSituations(t *testing.T) {
	box := []Layer{MountNamespace, NoHostFiles, PIDNamespace, IPCNamespace, UTSNamespace, NetworkNamespace,
		NoCapabilities, NoNewPrivileges, Seccomp, SeccompAllowList, TreeKill}
	with := func(base []Layer, more ...Layer) []Layer { return append(append([]Layer{}, base...), more...) }
	root := with(box, OwnUID, CgroupMemory, CgroupPids, CgroupCPU, DiskQuota)
	cases := []struct {
		name   string
		layers []Layer
		want   int
	}{
		{"nothing", nil, 0},
		{"a box of a server that is root", root, 9},
		{"everything but gVisor", with(root, Landlock), 9},
		{"with gVisor", with(root, GVisor), 10},
		{"a box of an ordinary user", with(box, UserNamespace, ResourceLimits), 7},
		{"a box of an ordinary user with control groups", with(box, UserNamespace, CgroupMemory, CgroupPids, CgroupCPU), 8},
		{"Landlock and seccomp alone", []Layer{Landlock, Seccomp, NoCapabilities, NoNewPrivileges, ResourceLimits, TreeKill}, 4},
		{"two of three namespaces count nothing", []Layer{PIDNamespace, IPCNamespace}, 0},
	}
	container := with(box, CgroupNamespace, CgroupMemory, CgroupPids, CgroupCPU)
	delegated := with(box, UserNamespace, CgroupMemory, CgroupPids, CgroupCPU)
	rows := [][2][]Layer{ // Docker and boxes; nil is none
		{with(container, OwnUID, DiskQuota), with(root, CgroupNamespace)},
		{nil, with(root, CgroupNamespace)},
		{container, delegated},
		{container, with(box, UserNamespace, ResourceLimits)},
		{nil, nil},
	}
	documented := situations(t)
	if len(documented) != len(rows) {
		t.Fatalf("docs/runtimes.md has %d situations, want %d", len(documented), len(rows))
	}
	for i, row := range rows {
		for column, layers := range [][]Layer{row[0], reached(row[0]), row[1], reached(row[1])} {
			want := "–"
			if layers != nil {
				want = string(rune('0' + NewIsolation(layers...).Score))
			}
			got, _, _ := strings.Cut(strings.NewReplacer(",", " ", ":", " ", "not available", "–").Replace(documented[i][column+2]), " ")
			if got != want {
				t.Errorf("docs/runtimes.md, %s, column %d: %s, want %s", documented[i][0], column+3, got, want)
			}
		}
	}
	for _, c := range cases {
		if got := NewIsolation(c.layers...).Score; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// reached are the layers of a session that may reach the internet.
func reached(layers []Layer) []Layer {
	open := slices.Clone(layers)
	for i := range open {
		if open[i] == NetworkNamespace {
			open[i] = NetworkFilter
		}
	}
	return open
}

// situations are the rows of that table.
func situations(t *testing.T) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/runtimes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- situations:")
	for _, line := range strings.Split(table, "\n")[3:] {
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if len(cells) != 6 {
			return rows
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}
