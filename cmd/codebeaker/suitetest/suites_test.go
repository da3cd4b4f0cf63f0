//go:build suites

package suitetest

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// The images that language-suites.sh makes: those of the languages, with the
// suites in /suites.
const (
	pythonImage = "codebeaker-python-suites:latest"
	goImage     = "codebeaker-golang-suites:latest"
)

// most is how long a suite may take, in seconds.
const most = 600

// What a session has unless its create says otherwise; the plain container gets
// the same.
const (
	memoryMB  = 512
	processes = 128
	cpus      = 1
)

// pythonSuites are the modules of CPython's package test that have to do with
// processes, files, signals, terminals and sockets.
var pythonSuites = strings.Fields(`test_os test_posix test_posixpath test_subprocess test_popen test_signal test_select
	test_selectors test_poll test_epoll test_socket test_socketserver test_ftplib test_httplib test_httpservers
	test_pty test_tty test_threading test_thread test_queue test_tempfile test_shutil test_pathlib test_glob
	test_mmap test_fcntl test_resource test_pwd test_grp test_venv test_multiprocessing_spawn test_asyncio test_sqlite3
	test_zipfile test_tarfile test_ssl test_time test_locale test_getpass test_site`)

// goSuites are packages of Go's standard library.
var goSuites = []string{"os", "os/exec", "os/signal", "os/user", "net", "net/http/httptest"}

// known are tests that pass plainly and not in a session, each with why that is
// as it should be. A key is a suite and a test.
var known = map[string]string{
	"test_mmap test.test_mmap.LargeMmapTests.test_around_2GB":        largeFile,
	"test_mmap test.test_mmap.LargeMmapTests.test_around_4GB":        largeFile,
	"test_mmap test.test_mmap.LargeMmapTests.test_large_filesize":    largeFile,
	"test_mmap test.test_mmap.LargeMmapTests.test_large_offset":      largeFile,
	"test_resource test.test_resource.ResourceTest.test_fsize_ismax": largeFile,
	"test_resource test.test_resource.ResourceTest.test_prlimit": "it sets the limits of process -1, and limits of others are " +
		"refused before the kernel looks for them: EPERM, not ESRCH",
}

const largeFile = "no file may be larger than the workspace (RLIMIT_FSIZE), also one of holes"

//go:embed testdata/suite.py
var suitePython string

// A suite is one module or package.
type suite struct {
	name, language, image string
	command               string // of a shell in the image
	native                string // of a shell in a box of the machine's own tools
}

func suites() []suite {
	var all []suite
	for _, name := range pythonSuites {
		run := fmt.Sprintf("python3 %%s %s %d 2>>suite.log", name, most)
		all = append(all, suite{name, "python", pythonImage, fmt.Sprintf(run, "/suites/suite.py"), fmt.Sprintf(run, "suite.py")})
	}
	for _, name := range goSuites {
		// The suite is a child of the shell, as it is one of `go test`: a leader of
		// a session of processes gets the terminals that net and os open as its
		// controlling one, and their hangup.
		all = append(all, suite{name, "go", goImage,
			fmt.Sprintf("cd /usr/local/go/src/%s && /suites/%s.test -test.v -test.short -test.timeout=%ds 2>&1; exit $?", name, strings.ReplaceAll(name, "/", "-"), most),
			fmt.Sprintf("cd $(go env GOROOT)/src/%s && go test -c -o $HOME/suite.test . && $HOME/suite.test -test.v -test.short -test.timeout=%ds 2>&1; exit $?", name, most)})
	}
	if only := strings.Fields(os.Getenv("SUITES")); len(only) > 0 {
		all = slices.DeleteFunc(all, func(s suite) bool { return !slices.Contains(only, s.name) })
	}
	return all
}

// outcomes are those of tests by their names.
type outcomes struct {
	of    map[string]string // pass, fail or skip
	ended bool              // the suite came to its end
}

// goLine is a line of `test.v`.
var goLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+)`)

// worse orders outcomes: a test that fails in one of its parts has failed.
var worse = map[string]int{"": 0, "pass": 1, "skip": 2, "fail": 3}

// read reads what a suite printed.
func read(text string) outcomes {
	o := outcomes{of: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		word, test, ok := strings.Cut(line, "\t")
		if m := goLine.FindStringSubmatch(line); m != nil {
			word, test, ok = strings.ToLower(m[1]), m[2], true
		}
		switch {
		case ok && worse[word] > worse[o.of[test]]:
			o.of[test] = word
		case line == "end", line == "PASS", line == "FAIL":
			o.ended = true
		}
	}
	return o
}

// counts is a cell of the table.
func (o outcomes) counts() string {
	if len(o.of) == 0 {
		return "–"
	}
	n := map[string]int{}
	for _, word := range o.of {
		n[word]++
	}
	text := fmt.Sprintf("%d / %d / %d", n["pass"], n["fail"], n["skip"])
	if !o.ended {
		text += ", ended early"
	}
	return text
}

// differ are the tests that pass in one place and not in the other.
func differ(plain, session outcomes) []string {
	var names []string
	for test, word := range plain.of {
		if word == "pass" && session.of[test] != "pass" {
			names = append(names, test)
		}
	}
	slices.Sort(names)
	return names
}

// plainly runs a suite in a container without anything of ours, as an ordinary
// user: a session's program is one.
func plainly(t *testing.T, s suite) outcomes {
	t.Helper()
	command := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--label", "app=codebeaker", "--network", "none",
		"--user", "1000:1000", "--env", "HOME=/tmp", "--workdir", "/tmp",
		"--memory", fmt.Sprintf("%dm", memoryMB), "--memory-swap", fmt.Sprintf("%dm", memoryMB),
		"--pids-limit", strconv.Itoa(processes), "--cpus", strconv.Itoa(cpus),
		s.image, "sh", "-c", s.command)
	out, err := command.Output()
	if o := read(string(out)); len(o.of) > 0 {
		return o
	}
	t.Fatalf("%s does not run in a plain container: %v, %.500s", s.name, err, out)
	return outcomes{}
}

// inSession runs a suite in a session of its own.
func inSession(t *testing.T, c *client.Client, s suite, runtime protocol.RuntimeType) outcomes {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), (most+120)*time.Second)
	defer cancel()
	p := protocol.SessionCreate{Language: s.language, RuntimeType: runtime}
	command := s.command
	if runtime == "Docker" {
		p.DockerImage = &s.image
	} else {
		command = s.native
	}
	made, err := c.Create(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.CloseSession(t.Context(), made.SessionID); err != nil {
			t.Error(err)
		}
	}()
	if runtime != "Docker" {
		if _, err := c.Run(ctx, made.SessionID, client.WriteText("suite.py", suitePython)); err != nil {
			t.Fatal(err)
		}
	}
	printed, err := output(ctx, c, made.SessionID, command)
	if err != nil {
		t.Errorf("%s on %s: %v", s.name, runtime, err)
	}
	return read(printed)
}

// output runs a line of a shell and returns what it prints.
func output(ctx context.Context, c *client.Client, session, line string) (string, error) {
	program, nothing := client.Program("sh", "-c", line), ""
	program.Stdin = &nothing
	e, err := c.Start(ctx, client.Execute{SessionID: session, Command: program, Timeout: (most + 60) * time.Second})
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for o, err := range e.Output() {
		if err != nil {
			return text.String(), err
		}
		text.Write(o.Data)
	}
	_, err = e.Wait(ctx)
	return text.String(), err
}

// better joins two runs of a suite: a test counts by the better of its outcomes,
// for the suites have tests that fail on a busy machine.
func better(a, b outcomes) outcomes {
	joined := outcomes{of: map[string]string{}, ended: a.ended || b.ended}
	for _, o := range []outcomes{a, b} {
		for test, word := range o.of {
			if have := joined.of[test]; have == "" || worse[word] < worse[have] {
				joined.of[test] = word
			}
		}
	}
	return joined
}

// serve starts the real server and returns a client of it.
func serve(t *testing.T) *client.Client {
	t.Helper()
	program, err := filepath.Abs("../../../bin/codebeaker")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.MkdirTemp("", "codebeaker-suites-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o711); err != nil { // sessions of uids of their own pass through it
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	server := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--runtimes", "docker,native",
		"--calibrate=false", "--pools=off", "--log-level", "warn", "--allow-image", pythonImage, "--allow-image", goImage)
	server.Stderr = os.Stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server printed %q, %v", line, err)
	}
	c, err := client.Dial(t.Context(), url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// offers waits until a runtime serves a language; false is not within a minute
// or two.
func offers(t *testing.T, c *client.Client, runtime, language string) bool {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		list, err := c.Runtimes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(list, func(r protocol.Runtime) bool {
			return r.RuntimeType == runtime && r.Available && slices.Contains(r.Languages, language)
		}) {
			return true
		}
	}
	return false
}

func TestLanguageSuites(t *testing.T) {
	c := serve(t)
	const row = "| %-26s | %-24s | %-24s | %-24s |\n"
	fmt.Printf(row, "suite", "plain container", "session on Docker", "session on Native")
	fmt.Printf(row, "---", "---", "---", "---")
	var reasons []string
	onNative := map[string]bool{}
	for _, language := range []string{"python", "go"} {
		if !offers(t, c, "Docker", language) {
			t.Fatalf("Docker is not available for %s", language)
		}
		onNative[language] = offers(t, c, "Native", language)
	}
	for _, s := range suites() {
		plain, session := plainly(t, s), inSession(t, c, s, "Docker")
		if len(differ(plain, session)) > 0 {
			session = better(session, inSession(t, c, s, "Docker"))
		}
		native := outcomes{}
		if onNative[s.language] {
			native = inSession(t, c, s, "Native")
		}
		fmt.Printf(row, s.name, plain.counts(), session.counts(), native.counts())
		for _, test := range differ(plain, session) {
			name := s.name + " " + test
			if why, ok := known[name]; ok {
				reasons = append(reasons, name+": "+why)
				continue
			}
			t.Errorf("%s passes plainly, in a session it is %q", name, session.of[test])
		}
	}
	fmt.Println("Each cell: passed / failed / skipped.")
	for _, line := range reasons {
		fmt.Println("known: " + line)
	}
}
