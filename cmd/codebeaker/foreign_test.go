package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/host"
)

// A foreign client is a WebSocket client that is not ours, in a process of its
// own: what it understands, others do.
type foreign struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser

	mu      sync.Mutex
	arrived *sync.Cond
	notes   []message
	replies map[int]message
	closed  *int // the close code
	ended   bool
	next    int
}

// message is anything that comes from the server, or from the driver.
type message struct {
	ID     *int            `json:"id"`
	Method string          `json:"method"`
	Params map[string]any  `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *wireError      `json:"error"`
	Closed *int            `json:"closed"`
}

type wireError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
}

// drivers start a foreign client on a URL. Nil: it is not installed, for that
// reason.
var drivers = map[string]func(url string) (*exec.Cmd, string){
	"python-websockets": func(url string) (*exec.Cmd, string) {
		const python = "/usr/bin/python3" // Debian's, which has Debian's package
		if err := exec.Command(python, "-c", "import websockets").Run(); err != nil {
			return nil, "python3-websockets is not installed: apt-get install python3-websockets"
		}
		return exec.Command(python, "testdata/drive.py", url), ""
	},
	"npm-ws": func(url string) (*exec.Cmd, string) {
		modules := filepath.Join(filepath.Dir(filepath.Dir(host.FindTools())), "tools", "node_modules")
		node, err := exec.LookPath("node")
		if err != nil {
			return nil, "node is not installed"
		}
		if _, err := os.Stat(filepath.Join(modules, "ws")); err != nil {
			return nil, "the npm package ws is not there: make tools"
		}
		cmd := exec.Command(node, "testdata/drive.js", url)
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		return cmd, ""
	},
}

// eachClient runs the test with every foreign client.
func eachClient(t *testing.T, test func(t *testing.T, connect func(t *testing.T, url string) *foreign)) {
	for _, name := range []string{"python-websockets", "npm-ws"} {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T, url string) *foreign { return connect(t, name, url) })
		})
	}
}

func connect(t *testing.T, driver, url string) *foreign {
	t.Helper()
	cmd, missing := drivers[driver](url)
	if cmd == nil {
		if os.Getenv("CODEBEAKER_REQUIRE") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	f := &foreign{t: t, cmd: cmd, replies: map[int]message{}}
	f.arrived = sync.NewCond(&f.mu)
	var err error
	if f.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		f.read(stdout)
	}()
	t.Cleanup(func() {
		_ = f.stdin.Close()
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		<-read
		_ = cmd.Wait()
		timer.Stop()
	})
	return f
}

// in makes another test the one that the client fails, until the returned
// function is called.
func (f *foreign) in(t *testing.T) (back func()) {
	before := f.t
	f.t = t
	return func() { f.t = before }
}

// vanish ends the client without a word to the server.
func (f *foreign) vanish() {
	f.t.Helper()
	if err := f.cmd.Process.Kill(); err != nil {
		f.t.Fatal(err)
	}
	f.await("the end of the client", func() bool { return f.ended })
}

// leave ends the client with a close handshake.
func (f *foreign) leave() {
	f.t.Helper()
	_ = f.stdin.Close()
	f.await("the end of the client", func() bool { return f.ended })
}

func (f *foreign) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			f.t.Errorf("the client printed %q: %v", lines.Text(), err)
			continue
		}
		f.mu.Lock()
		switch {
		case m.Closed != nil:
			f.closed = m.Closed
		case m.ID != nil:
			f.replies[*m.ID] = m
		default:
			f.notes = append(f.notes, m)
		}
		f.arrived.Broadcast()
		f.mu.Unlock()
	}
	f.mu.Lock()
	f.ended = true
	f.arrived.Broadcast()
	f.mu.Unlock()
}

// await waits until done says so; done is called under the lock.
func (f *foreign) await(what string, done func() bool) {
	f.t.Helper()
	timer := time.AfterFunc(90*time.Second, func() {
		f.mu.Lock()
		f.ended = true
		f.arrived.Broadcast()
		f.mu.Unlock()
	})
	defer timer.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for !done() {
		if f.ended {
			f.t.Fatalf("%s did not come; notifications: %v", what, f.noteWords())
		}
		f.arrived.Wait()
	}
}

func (f *foreign) noteWords() []string {
	var words []string
	for _, n := range f.notes {
		words = append(words, n.Method)
	}
	return words
}

// send sends a request and returns its id.
func (f *foreign) send(method string, params any) int {
	f.t.Helper()
	f.mu.Lock()
	f.next++
	id := f.next
	f.mu.Unlock()
	line, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.stdin.Write(append(line, '\n')); err != nil {
		f.t.Fatal(err)
	}
	return id
}

// reply waits for the answer to a request.
func (f *foreign) reply(id int) message {
	f.t.Helper()
	f.await("a reply", func() bool { _, ok := f.replies[id]; return ok })
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replies[id]
}

// call sends a request and reads its result into result.
func (f *foreign) call(method string, params, result any) {
	f.t.Helper()
	f.result(f.send(method, params), result)
}

// result waits for the answer to a request and reads it into result.
func (f *foreign) result(id int, result any) {
	f.t.Helper()
	m := f.reply(id)
	if m.Error != nil {
		f.t.Fatalf("request %d: %d %s %v", id, m.Error.Code, m.Error.Message, m.Error.Data)
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			f.t.Fatalf("request %d: %s: %v", id, m.Result, err)
		}
	}
}

// fails sends a request that must fail and returns its error.
func (f *foreign) fails(method string, params any) *wireError {
	f.t.Helper()
	m := f.reply(f.send(method, params))
	if m.Error == nil {
		f.t.Fatalf("%s succeeded: %s", method, m.Result)
	}
	return m.Error
}

// note waits for a notification.
func (f *foreign) note(method string, match func(params map[string]any) bool) map[string]any {
	f.t.Helper()
	var found map[string]any
	f.await(method, func() bool {
		at := slices.IndexFunc(f.notes, func(n message) bool {
			return n.Method == method && (match == nil || match(n.Params))
		})
		if at >= 0 {
			found = f.notes[at].Params
		}
		return at >= 0
	})
	return found
}

// session is the part of a session object that the tests look at.
type session struct {
	ID            string `json:"sessionId"`
	EnvironmentID string `json:"environmentId"`
	ContainerID   string `json:"containerId"`
	Runtime       string `json:"runtimeType"`
	Language      string `json:"language"`
	State         string `json:"state"`
	Limits        map[string]*float64
	Isolation     struct {
		Score  int
		Layers []string
	}
}

// outcome is the result of session.execute.
type outcome struct {
	Success   bool
	Error     string
	ErrorCode string
	Result    struct {
		Stdout, Stderr, Status, Content string
		ExitCode                        *int
		Signal                          string
		Entries                         []struct{ Name, Type string }
		Usage                           struct{ WallMs, CPUMs, PeakMemoryBytes *float64 }
	}
	ExecutionID string
}

func (f *foreign) create(params map[string]any) session {
	f.t.Helper()
	var s session
	f.call("session.create", params, &s)
	return s
}

func (f *foreign) execute(s session, command map[string]any) outcome {
	f.t.Helper()
	var o outcome
	f.call("session.execute", map[string]any{"sessionId": s.ID, "command": command}, &o)
	return o
}

func (f *foreign) shell(s session, words ...string) outcome {
	f.t.Helper()
	return f.execute(s, map[string]any{"type": "execute_shell", "commandName": words[0], "args": words[1:]})
}

func (f *foreign) write(s session, path, content string) {
	f.t.Helper()
	if o := f.execute(s, map[string]any{"type": "write_file", "path": path, "content": content}); !o.Success {
		f.t.Fatalf("write %s: %s", path, o.Error)
	}
}

func (f *foreign) close(s session) {
	f.t.Helper()
	f.call("session.close", map[string]any{"sessionId": s.ID}, nil)
}

// has reports whether the environment variable lists the runtime as required.
func required(runtime string) bool {
	return slices.Contains(strings.Split(os.Getenv("CODEBEAKER_REQUIRE"), ","), strings.ToLower(runtime))
}
