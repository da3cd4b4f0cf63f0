package result

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhatLinuxTellsInFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nprocessor\t: 1\nmodel name\t: another\n")
	write(t, dir+"/meminfo", "MemTotal:       24689164 kB\nMemFree: 1 kB\n")
	write(t, dir+"/sys/kernel/osrelease", "6.1.0-test\n")
	write(t, dir+"/loadavg", "1.25 0.50 0.10 1/200 4242\n")
	var f Facts
	f.readProc(dir)
	want := Facts{CPU: "Fast CPU @ 3 GHz", MemoryBytes: 24689164 << 10, Kernel: "6.1.0-test", Load1: 1.25}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
	write(t, dir+"/os-release", "ID=x\nPRETTY_NAME=\"Some Linux 12\"\n")
	if got := distribution(dir + "/os-release"); got != "Some Linux 12" {
		t.Errorf("distribution %q", got)
	}
}

func TestAMachineThatTellsNothingHasEmptyFacts(t *testing.T) {
	var f Facts
	f.readProc(t.TempDir())
	f.readDocker("cannot connect")
	if diff := cmp.Diff(Facts{}, f); diff != "" {
		t.Error(diff)
	}
	if v := cgroupVersion(t.TempDir()); v != 0 {
		t.Errorf("version %d", v)
	}
}

func TestVersionsOfTheEngine(t *testing.T) {
	var f Facts
	f.readDocker(`{"Client":{"Version":"20.1"},"Server":{"Version":"20.2","Components":[
		{"Name":"Engine","Version":"x"},{"Name":"containerd","Version":"1.6"},{"Name":"runc","Version":"1.1.5"}]}}`)
	if diff := cmp.Diff(Facts{DockerCLI: "20.1", Engine: "20.2", Containerd: "1.6", Runc: "1.1.5"}, f); diff != "" {
		t.Error(diff)
	}
}

func TestGatherKnowsThisProcess(t *testing.T) {
	f := GatherFacts(t.Context())
	if f.Go != runtime.Version() || f.CPUs != runtime.NumCPU() || f.OS != runtime.GOOS {
		t.Errorf("%+v", f)
	}
	if runtime.GOOS == "linux" && (f.Kernel == "" || f.MemoryBytes == 0 || f.OpenFiles == 0) {
		t.Errorf("%+v", f)
	}
}
