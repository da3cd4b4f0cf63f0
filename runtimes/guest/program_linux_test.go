package guest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProgramsAreFoundAsExecvpFindsThem(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/tool": 0o644, "b/tool": 0o755, "c/plain": 0o644, "b/dir/x": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + dir + "/a:" + dir + "/b:" + dir + "/c"}
	for _, c := range []struct{ name, want, message string }{
		{"tool", dir + "/b/tool", ""},
		{"plain", "", `"plain" may not be executed`},
		{"dir", "", `there is no program "dir" on the PATH`},
		{"", "", "the name of the program is empty"},
		{"./x", dir + "/x", ""},
		{"/bin/x", "/bin/x", ""},
	} {
		got, err := lookUp(c.name, dir, env)
		if got != c.want || (err == nil) != (c.message == "") || err != nil && err.Error() != c.message {
			t.Errorf("%q: %q, %v", c.name, got, err)
		}
	}
	if got, err := lookUp("tool", dir, []string{"PATH=b"}); got != dir+"/b/tool" || err != nil {
		t.Errorf("a relative PATH: %q, %v", got, err)
	}
}

func TestLaterVariablesReplaceEarlierOnes(t *testing.T) {
	base := []string{"A=1", "AB=2"}
	got := mergeEnv(base, []string{"AB=3", "C=4", "C=5"})
	if want := []string{"A=1", "AB=3", "C=5"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if base[1] != "AB=2" {
		t.Error("the base was changed")
	}
}

func TestANameInStatMayHoldAnything(t *testing.T) {
	p, ok := parseStat([]byte("12 (a) S 99 (x) S 7 1 1 0 -1 4194304 0 0 0 0 5 6 70 80 20 0 3 0 1\n"))
	if !ok || p.parent != 7 || p.threads != 3 || p.used != 161*tick || p.usedBelow != 150*tick {
		t.Errorf("got %+v, %v", p, ok)
	}
	for _, bad := range []string{"", "12 (a", "12 (a) S", "12 (a) S x 1 1 0 -1 4194304 0 0 0 0 5 6 70 80 20 0 3 0 1"} {
		if _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q is read", bad)
		}
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("12 (a) S 7 1 1 0 -1 4194304 0 0 0 0 5 6 70 80 20 0 3 0 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) { parseStat(text) })
}

func TestTreesAreToldApartByParents(t *testing.T) {
	a := &agent{pid: 1}
	all := map[int]process{
		1: {pid: 1}, 2: {pid: 2, parent: 1}, 3: {pid: 3, parent: 2}, 4: {pid: 4, parent: 3}, // 2 is a keeper
		5: {pid: 5, parent: 1}, 6: {pid: 6, parent: 5}, 7: {pid: 7, parent: 1}, // 5 is a program, 7 an orphan
		8: {pid: 8, parent: 0}, 9: {pid: 9, parent: 10}, 10: {pid: 10, parent: 9}, // from outside; a circle is torn
	}
	sorted := func(pids []int) []int { slices.Sort(pids); return pids }
	if got := sorted(a.strays(all, map[int]bool{2: true})); !slices.Equal(got, []int{5, 6, 7, 8}) {
		t.Errorf("strays: %v", got)
	}
	// An agent among the host's processes has nothing to do with those.
	a.pid = 5
	if got := sorted(a.strays(all, nil)); !slices.Equal(got, []int{6}) {
		t.Errorf("strays of an agent that is not the first: %v", got)
	}
}
