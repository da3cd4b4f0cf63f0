package baseline

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silent is a Progress that nobody sees.
type silent struct{}

func (silent) Begin(string, int) {}
func (silent) Step(string)       {}
func (silent) End()              {}

// measured runs the tasks and returns their series by key.
func measured(t *testing.T, o Options) map[string]*result.Series {
	t.Helper()
	o.Effort = workload.Effort{Cheap: 2, Dear: 2}
	o.Dir = t.TempDir()
	tasks, absent := Tasks(o)
	if _, err := (&measure.Runner{Tasks: tasks, Progress: silent{}}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := map[string]*result.Series{}
	for _, task := range tasks {
		for _, s := range task.Series {
			found[s.Key()] = s
		}
	}
	for _, s := range absent {
		found[s.Key()] = s
	}
	return found
}

func only(names ...string) func(string) bool {
	return func(scenario string) bool { return strings.Contains(strings.Join(names, " ")+" ", scenario+" ") }
}

// program writes a shell script that stands for a tool.
func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("it needs a shell")
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestTheBareMachine(t *testing.T) {
	found := measured(t, Options{Wanted: only(workload.Execute, workload.Write, workload.Wire)})
	for _, key := range []string{"execute/bare process", "write/1 KB/system calls", "read/1 MB/system calls", "list/1 KB/system calls",
		"copy/1 MB/system calls", "delete/1 KB/system calls", "wire/initialize/bare socket"} {
		if s := found[key]; s == nil || len(s.Samples) != 2 || s.FailureCount() > 0 || s.Baseline != result.Bare {
			t.Errorf("%s: %+v", key, s)
		}
	}
}

func TestAToolIsVerifiedAndOneThatIsMissingSaysSo(t *testing.T) {
	tools := t.TempDir()
	program(t, tools, "bun", "grep -q console.log hello.js && echo hello 42\n")
	program(t, tools, "deno", "echo hullo\n")
	t.Setenv("PATH", "/usr/bin:/bin")
	if _, err := (&maker{}).lookup("bun"); err == nil {
		t.Skip("bun is in /usr/bin")
	}
	found := measured(t, Options{Wanted: only(workload.Hello), Languages: []string{"javascript"}, ToolsDir: tools})
	if s := found["hello/javascript/bare bun"]; s == nil || len(s.Samples) != 2 || s.Baseline != result.Beside {
		t.Errorf("%+v", s)
	}
	if s := found["hello/javascript/bare deno"]; s == nil || len(s.Samples) != 0 || s.FailureCount() != 2 || !s.Failures[0].WrongOutput {
		t.Errorf("%+v", s)
	}
	t.Setenv("PATH", t.TempDir())
	if s := measured(t, Options{Wanted: only(workload.Hello), Languages: []string{"python"}})["hello/python/bare python3"]; s == nil || !strings.Contains(s.NotBuilt, "python3") {
		t.Errorf("%+v", s)
	}
}

func TestCellsInJupytersKernel(t *testing.T) {
	if _, err := pythonWith("ipykernel", "jupyter_client"); err != nil {
		if os.Getenv("CODEBEAKER_REQUIRE") != "" { // CI installs it
			t.Fatal(err)
		}
		t.Skip(err)
	}
	found := measured(t, Options{Wanted: only(workload.Cell, workload.FirstCell)})
	for _, key := range []string{"cell/python/ipykernel", "first-cell/python/ipykernel"} {
		if s := found[key]; s == nil || len(s.Samples) != 2 || s.FailureCount() > 0 || s.Baseline != result.Beside {
			t.Errorf("%s: %+v", key, s)
		}
	}
}

func TestAModuleThatIsMissingIsNamed(t *testing.T) {
	if _, err := pythonWith("no_such_module"); err == nil || !strings.Contains(err.Error(), "no_such_module") {
		t.Error(err)
	}
}

// fakeDocker is a docker command that keeps a list of containers and runs
// programs on this machine.
const fakeDocker = `
log=$(dirname "$0")/containers
case $1 in
run) case $2 in
	--rm) echo hello 42 ;;
	*) echo "$4" >>"$log" ;;
	esac ;;
rm) grep -v "$3" "$log" >"$log.new"; mv "$log.new" "$log" ;;
exec) case $3 in
	mkdir) mkdir -p "$(dirname "$0")/$5" ;;
	ls) echo file ;;
	cat) cat "$(dirname "$0")/copied" ;;
	esac ;;
cp) case $2 in
	*:/*) cat "$(dirname "$0")/copied" >"$3" ;;
	*) cat "$2" >"$(dirname "$0")/copied" ;;
	esac ;;
esac
`

func TestTheDockerCommandIsMeasuredAndLeavesNoContainer(t *testing.T) {
	dir := t.TempDir()
	program(t, dir, "docker", fakeDocker)
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "none.sock"))
	found := measured(t, Options{Docker: true, Languages: []string{"javascript"},
		Wanted: only(workload.Create, workload.Close, workload.OneShot, workload.Execute, workload.Write)})
	for _, key := range []string{"create/docker run -d", "close/docker rm -f", "oneshot/javascript/docker run --rm", "execute/docker exec",
		"write/1 KB/docker cp", "read/1 MB/docker cp", "list/1 KB/docker exec", "copy/1 MB/docker exec", "delete/1 KB/docker exec"} {
		if s := found[key]; s == nil || len(s.Samples) != 2 || s.FailureCount() > 0 || s.Baseline != result.Docker {
			t.Errorf("%s: %+v", key, s)
		}
	}
	if s := found["execute/exec by API"]; s == nil || !strings.Contains(s.NotBuilt, "none.sock") {
		t.Errorf("%+v", s)
	}
	if left, err := os.ReadFile(filepath.Join(dir, "containers")); err != nil || len(left) > 0 {
		t.Errorf("containers are left: %s, %v", left, err)
	}
}

// What a docker command says it did and did not do must be noticed.
func TestWhatTheDockerCommandDidIsLookedAt(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	for name, c := range map[string]struct{ script, failing string }{
		"copy":  {strings.ReplaceAll(fakeDocker, `cat) cat "$(dirname`, `cat) case $4 in *.copy) exit 0;; esac; cat "$(dirname`), "copy/1 KB/docker exec"},
		"write": {strings.ReplaceAll(fakeDocker, `cat) cat`, `cat) echo`), "write/1 KB/docker cp"},
		"read":  {strings.ReplaceAll(fakeDocker, `>"$3"`, `/dev/null >"$3"; echo >"$3"`), "read/1 KB/docker cp"},
		"delete": {strings.ReplaceAll(fakeDocker, `ls) echo file`, `rm) touch "$(dirname "$0")/$4.kept" ;;
	ls) echo file; test ! -e "$(dirname "$0")/$4/file.copy.kept" || echo file.copy`), "delete/1 KB/docker exec"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			program(t, dir, "docker", c.script)
			t.Setenv("PATH", dir+":/usr/bin:/bin")
			found := measured(t, Options{Docker: true, Languages: []string{"javascript"}, Wanted: only(workload.Write)})
			if s := found[c.failing]; s == nil || s.FailureCount() == 0 || !s.Failures[0].WrongOutput {
				t.Errorf("%s: %+v", c.failing, s)
			}
		})
	}
}

func TestWithoutADockerCommandItSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	found := measured(t, Options{Docker: true, Languages: []string{"javascript"}, Wanted: only(workload.Create)})
	if s := found["create/docker run"]; s == nil || !strings.Contains(s.NotBuilt, "no docker command") {
		t.Errorf("%+v", found)
	}
}

// socket serves an engine's interface on a socket.
func socket(t *testing.T, exit int, prints string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no sockets of that kind here: %v", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /containers/box/exec", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Cmd []string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Cmd) != 1 {
			http.Error(w, "bad", http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"Id":"e1"}`))
	})
	mux.HandleFunc("POST /exec/e1/start", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(prints)) })
	mux.HandleFunc("GET /exec/e1/json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"Running": false, "ExitCode": exit})
	})
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+path)
}

func TestAnExecByTheEnginesInterface(t *testing.T) {
	for name, c := range map[string]struct {
		exit      int
		prints    string
		container string
		wants     string
	}{"good": {0, "", "box", ""}, "failed": {3, "", "box", "ExitCode"}, "noisy": {0, "x", "box", "printed"}, "gone": {0, "", "none", "404"}} {
		t.Run(name, func(t *testing.T) {
			socket(t, c.exit, c.prints)
			e, err := newEngine()
			if err != nil {
				t.Fatal(err)
			}
			defer e.close()
			err = e.exec(t.Context(), c.container, "true")
			if c.wants == "" && err != nil || c.wants != "" && (err == nil || !strings.Contains(err.Error(), c.wants)) {
				t.Errorf("%v", err)
			}
		})
	}
}
