package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/egress"
)

func init() { stopGrace = 3 * time.Second } // what is interrupted is to be kept on a busy machine too

func TestMain(m *testing.M) {
	egress.RunRelay()
	goleak.VerifyTestMain(m)
}

// recorder is a CellSink that keeps everything. what happened stands in told in
// its order: "out:…", "err:…", "display:type,type"; neighbours are put together.
type recorder struct {
	hold bool // grants nothing

	mu       sync.Mutex
	process  runtimes.Process
	owed     int
	told     []string
	sizes    [4]int
	displays []Display
	result   *Result
	ready    chan struct{}
	started  chan struct{}
	exited   chan runtimes.Exit
}

func newRecorder() *recorder {
	return &recorder{ready: make(chan struct{}, 1), started: make(chan struct{}), exited: make(chan runtimes.Exit, 1)}
}

func (r *recorder) Started() { close(r.started) }

// keptOutput is how much of the output of one stretch a recorder keeps.
const keptOutput = 1 << 20

func (r *recorder) Output(stream runtimes.Stream, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := map[runtimes.Stream]string{runtimes.Stdout: "out:", runtimes.Stderr: "err:"}[stream]
	r.sizes[stream] += len(p)
	if last := len(r.told) - 1; last < 0 || !strings.HasPrefix(r.told[last], name) {
		r.told = append(r.told, name+string(p))
	} else if len(r.told[last]) < keptOutput {
		r.told[last] += string(p)
	}
	if r.process != nil && !r.hold {
		r.process.Grant(len(p))
		return
	}
	r.owed += len(p)
}

func (r *recorder) InputReady() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

func (r *recorder) Display(d Display) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var types []string
	for _, p := range d.Parts {
		types = append(types, p.Type)
	}
	r.told = append(r.told, "display:"+strings.Join(types, ","))
	r.displays = append(r.displays, d)
}

func (r *recorder) Result(result *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result = result
}

func (r *recorder) Exited(exit runtimes.Exit) { r.exited <- exit }

func (r *recorder) follow(p runtimes.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process = p
	if !r.hold {
		p.Grant(r.owed)
		r.owed = 0
	}
}

// outcome is what a cell did.
type outcome struct {
	Result
	exit     runtimes.Exit
	told     []string
	displays []Display
	sizes    [4]int
	noResult bool
}

// stdout and stderr are what was printed.
func (o *outcome) stdout() string { return o.only("out:") }
func (o *outcome) stderr() string { return o.only("err:") }

func (o *outcome) only(prefix string) string {
	var b strings.Builder
	for _, s := range o.told {
		if text, ok := strings.CutPrefix(s, prefix); ok {
			b.WriteString(text)
		}
	}
	return b.String()
}

func (o *outcome) String() string {
	e := Exception{}
	if o.Exception != nil {
		e = *o.Exception
	}
	return fmt.Sprintf("%v code %s signal %q %q; value %.300q; told %.600q; exception %s: %.300s\n%.2000s",
		o.exit.Status, code(o.exit), o.exit.Signal, o.exit.Message, o.Value, o.told, e.Name, e.Message, e.Traceback)
}

func code(e runtimes.Exit) string {
	if e.Code == nil {
		return "none"
	}
	return fmt.Sprint(*e.Code)
}

func (r *recorder) wait(t testing.TB) *outcome {
	t.Helper()
	select {
	case exit := <-r.exited:
		r.mu.Lock()
		defer r.mu.Unlock()
		o := &outcome{exit: exit, told: r.told, displays: r.displays, sizes: r.sizes, noResult: r.result == nil}
		if r.result != nil {
			o.Result = *r.result
		}
		return o
	case <-time.After(5 * time.Minute): // a first build of Go on a busy machine
		r.mu.Lock()
		defer r.mu.Unlock()
		t.Fatalf("no exit after five minutes; told %.1000q", r.told)
		return nil
	}
}

// begin runs a cell and waits until its code begins.
func begin(t testing.TB, k *Kernel, c Cell) (runtimes.Process, *recorder) {
	t.Helper()
	r := newRecorder()
	p, err := k.Run(&c, r)
	if err != nil {
		t.Fatal(err)
	}
	r.follow(p)
	select {
	case <-r.started:
	case exit := <-r.exited:
		r.exited <- exit
	case <-time.After(time.Minute):
		t.Fatal("a cell has not begun after a minute")
	}
	return p, r
}

// run runs a cell to its end.
func run(t testing.TB, k *Kernel, c Cell) *outcome {
	t.Helper()
	_, r := begin(t, k, c)
	return r.wait(t)
}

// value runs code that has to go well and returns its value.
func value(t testing.TB, k *Kernel, code string) string {
	t.Helper()
	o := run(t, k, Cell{Code: code, Number: 1})
	if o.exit.Status != runtimes.Completed || o.Exception != nil || !o.Kept {
		t.Fatalf("%s: %v", code, o)
	}
	return o.Value
}

// start starts a kernel that is gone after the test.
func start(t testing.TB, env runtimes.Environment, e Engine, o Options) *Kernel {
	t.Helper()
	k, err := Start(context.Background(), env, e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Close()
		select {
		case <-k.Gone():
		case <-time.After(time.Minute):
			t.Error("a kernel is there a minute after Close")
		}
	})
	return k
}

// write writes a file of the workspace.
func write(t testing.TB, env runtimes.Environment, name, text string) {
	t.Helper()
	if _, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: name, Content: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

// cacheVariable names a cache directory that tests share: to fill it takes long.
const cacheVariable = "NATIVE_TEST_CACHE"

func sharedCache(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(cacheVariable); dir != "" {
		return dir
	}
	dir, err := filepath.Abs("../../.cache/warm")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
