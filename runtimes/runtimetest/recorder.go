package runtimetest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// patience is how long the suite waits for what must happen soon: long, for
// the machine may be busy.
const patience = 30 * time.Second

// pipes is what the kernel holds of two streams (pipe(7)): once a program has
// ended it is read out, window or not.
const pipes = 2 * 64 << 10

// recorder is a Sink that keeps everything and holds the runtime to the rules
// of Sink.
type recorder struct {
	t    testing.TB
	busy atomic.Bool // a call is under way

	mu      sync.Mutex
	process runtimes.Process
	owed    int  // bytes not granted back
	hold    bool // grants nothing by itself
	streams [5]bytes.Buffer
	sizes   [5]int64 // of what came
	channel struct { // the same of the channel
		owed int
		hold bool
	}
	discard bool // keeps the sizes only
	begun   bool // Started has been called
	exit    *runtimes.Exit
	ready   int
	changed chan struct{} // has a value after each change
	started chan struct{} // closed by Started
	done    chan struct{} // closed by Exited
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{t: t, changed: make(chan struct{}, 1), started: make(chan struct{}), done: make(chan struct{})}
}

// enter notes that calls come one after another.
func (r *recorder) enter(call string) func() {
	if !r.busy.CompareAndSwap(false, true) {
		r.t.Errorf("Sink.%s was called during another call", call)
	}
	select {
	case <-r.done:
		r.t.Errorf("Sink.%s was called after Exited", call)
	default:
	}
	return func() {
		r.busy.Store(false)
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
}

func (r *recorder) Started() {
	defer r.enter("Started")()
	if r.begun {
		r.t.Error("Sink.Started was called twice")
		return
	}
	r.begun = true
	close(r.started)
}

func (r *recorder) Output(stream runtimes.Stream, p []byte) {
	defer r.enter("Output")()
	if !r.begun {
		r.t.Error("Sink.Output was called before Started")
	}
	if stream < runtimes.Stdout || stream > runtimes.Channel {
		r.t.Errorf("output on stream %d", stream)
		return
	}
	r.mu.Lock()
	r.sizes[stream] += int64(len(p))
	if !r.discard {
		r.streams[stream].Write(p)
	}
	if stream == runtimes.Channel {
		r.channelLocked(len(p))
		return
	}
	r.owed += len(p)
	if r.owed > runtimes.Window+pipes {
		r.t.Errorf("%d bytes came without a grant, the window is %d", r.owed, runtimes.Window)
	}
	process, n := r.dueLocked()
	r.mu.Unlock()
	if n > 0 {
		process.Grant(n)
	}
}

// channelLocked notes n bytes of the channel, grants what it may and unlocks.
func (r *recorder) channelLocked(n int) {
	c := &r.channel
	if c.owed += n; c.owed > runtimes.Window+pipes {
		r.t.Errorf("%d bytes of the channel came without a grant, the window is %d", c.owed, runtimes.Window)
	}
	process, grant := r.process, 0
	if process != nil && !c.hold {
		grant, c.owed = c.owed, 0
	}
	r.mu.Unlock()
	if grant > 0 {
		process.Channel().Grant(grant)
	}
}

// letChannelGo grants what is owed of the channel and what will come.
func (r *recorder) letChannelGo() {
	r.mu.Lock()
	r.channel.hold = false
	r.channelLocked(0)
}

// dueLocked takes what is to be granted now.
func (r *recorder) dueLocked() (runtimes.Process, int) {
	if r.process == nil || r.hold {
		return nil, 0
	}
	n := r.owed
	r.owed = 0
	return r.process, n
}

// grant gives n bytes back while the recorder holds.
func (r *recorder) grant(n int) {
	r.mu.Lock()
	r.owed -= n
	process := r.process
	r.mu.Unlock()
	process.Grant(n)
}

// letGo grants what is owed and what will come.
func (r *recorder) letGo() {
	r.mu.Lock()
	r.hold = false
	process, n := r.dueLocked()
	r.mu.Unlock()
	process.Grant(n)
}

func (r *recorder) InputReady() {
	defer r.enter("InputReady")()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready++
}

func (r *recorder) Exited(exit runtimes.Exit) {
	leave := r.enter("Exited")
	if neverRan := exit.Status == runtimes.CouldNotStart; neverRan == r.begun && exit.Status != runtimes.EnvironmentLost {
		r.t.Errorf("Started was called: %v, and the program ended %v", r.begun, exit.Status)
	}
	r.mu.Lock()
	r.exit = &exit
	r.mu.Unlock()
	leave()
	close(r.done)
}

// bind gives the recorder its process.
func (r *recorder) bind(p runtimes.Process) {
	r.mu.Lock()
	r.process = p
	process, n := r.dueLocked()
	r.mu.Unlock()
	if n > 0 {
		process.Grant(n)
	}
	r.mu.Lock()
	r.channelLocked(0)
}

func (r *recorder) text(stream runtimes.Stream) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.streams[stream].String()
}

func (r *recorder) size(stream runtimes.Stream) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sizes[stream]
}

func (r *recorder) total() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sizes[runtimes.Stdout] + r.sizes[runtimes.Stderr] + r.sizes[runtimes.Terminal]
}

func (r *recorder) readies() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

// exited reports whether Exited has been called.
func (r *recorder) exited() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// wait returns the exit.
func (r *recorder) wait() runtimes.Exit {
	r.t.Helper()
	return r.waitFor(patience)
}

func (r *recorder) waitFor(patience time.Duration) runtimes.Exit {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		r.t.Fatalf("no exit within %v; stdout %.200q, stderr %.200q", patience, r.text(runtimes.Stdout), r.text(runtimes.Stderr))
	}
	return *r.exit
}

// until waits for a condition on what has come.
func (r *recorder) until(what string, met func() bool) {
	r.t.Helper()
	deadline := time.After(patience)
	for !met() {
		select {
		case <-r.changed:
		case <-r.done:
			if !met() {
				r.t.Fatalf("the program ended (%+v) before %s; stdout %.200q, stderr %.200q", *r.exit, what, r.text(runtimes.Stdout), r.text(runtimes.Stderr))
			}
		case <-deadline:
			r.t.Fatalf("waited %v for %s; stdout %.200q, stderr %.200q", patience, what, r.text(runtimes.Stdout), r.text(runtimes.Stderr))
		}
	}
}

// untilText waits until a stream holds a text.
func (r *recorder) untilText(stream runtimes.Stream, want string) {
	r.t.Helper()
	r.until(strconv.Quote(want), func() bool { return strings.Contains(r.text(stream), want) })
}

// heartbeat is a file that a process keeps adding to while it lives: proof, by
// effect, of who is still there.
type heartbeat struct {
	suite *suite
	env   runtimes.Environment
	file  string
}

func newHeartbeat(t *testing.T, s *suite, env runtimes.Environment) *heartbeat {
	t.Helper()
	return &heartbeat{s, env, folder(t, env.Workspace()) + "/beat"}
}

// command runs a line of shell in which $BEAT is a script that beats for ever
// and ignores what can be ignored.
func (h *heartbeat) command(t testing.TB, line string) runtimes.Command {
	t.Helper()
	cmd := h.suite.shell(t, line)
	cmd.Env = []string{"BEAT=trap '' TERM INT HUP QUIT PIPE; while :; do echo >> /workspace/" + h.file + "; sleep 0.02; done"}
	return cmd
}

func (h *heartbeat) size(t testing.TB) int64 {
	t.Helper()
	found, err := h.env.Workspace().ReadFile(t.Context(), runtimes.ReadFile{Path: h.file, Length: 1})
	if runtimes.FileCodeOf(err) == runtimes.CodeNotFound {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return found.Size
}

func (h *heartbeat) untilAlive(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(patience); h.size(t) < 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no heartbeat")
		}
	}
}

// untilMore waits for another beat.
func (h *heartbeat) untilMore(t testing.TB) {
	t.Helper()
	before := h.size(t)
	for deadline := time.Now().Add(patience); h.size(t) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no heartbeat any more")
		}
	}
}

// mustStop fails when there are beats a second after the end was told.
func (h *heartbeat) mustStop(t testing.TB) {
	t.Helper()
	time.Sleep(200 * time.Millisecond) // a second is allowed
	before := h.size(t)
	time.Sleep(300 * time.Millisecond) // a living heart beats fifteen times
	if after := h.size(t); after != before {
		t.Errorf("a process of the tree still lives: %d beats, then %d", before, after)
	}
}

var folders atomic.Int64

// folder makes a directory of its own for a case in a shared workspace.
func folder(t testing.TB, ws runtimes.Workspace) string {
	t.Helper()
	name := fmt.Sprintf("case-%d", folders.Add(1))
	if err := ws.CreateDirectory(t.Context(), runtimes.CreateDirectory{Path: name}); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return name
}

func writeFile(t testing.TB, ws runtimes.Workspace, path, content string) {
	t.Helper()
	n, err := ws.WriteFile(t.Context(), runtimes.WriteFile{Path: path, Content: []byte(content)})
	if err != nil || n != int64(len(content)) {
		t.Fatalf("write %s: %d bytes, %v", path, n, err)
	}
}

func readFile(t testing.TB, ws runtimes.Workspace, path string) string {
	t.Helper()
	found, err := ws.ReadFile(t.Context(), runtimes.ReadFile{Path: path})
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return string(found.Content)
}

// wantCode checks the code of a file command's error; "" is no error.
func wantCode(t testing.TB, what string, err error, want runtimes.FileCode) {
	t.Helper()
	got := runtimes.FileCodeOf(err)
	if got != want || (want == "") != (err == nil) {
		t.Errorf("%s: code %q (%v), want %q", what, got, err, want)
	}
}
