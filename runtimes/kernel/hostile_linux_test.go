package kernel

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// unbounded asks for no limit of output.
func unbounded(spec *runtimes.Spec) { spec.Limits.OutputBytes = 0 }

// gone fails unless the kernel has ended, and starts another there.
func (at *place) gone(t *testing.T, k *Kernel, env runtimes.Environment) *Kernel {
	t.Helper()
	select {
	case <-k.Gone():
	default:
		t.Fatal("the kernel is there")
	}
	k = start(t, env, at.engine(t), Options{})
	if got := value(t, k, "20 + 22"); got != "42" {
		t.Errorf("the next kernel says %q", got)
	}
	return k
}

// anew fails unless the kernel has ended or begun anew, and starts another there in
// the first case.
func (at *place) anew(t *testing.T, k *Kernel, env runtimes.Environment) *Kernel {
	t.Helper()
	if !k.Settled(time.Minute) || isClosed(k.Gone()) {
		return at.gone(t, k, env)
	}
	if got := value(t, k, "20 + 22, 'here' in globals()"); got != "(42, False)" {
		t.Errorf("the next kernel says %q", got)
	}
	return k
}

func pythonDies(t *testing.T, at *place) {
	k, env := at.kernel(t)
	for _, c := range []struct {
		code   string
		status runtimes.Status
		signal string
		exit   string
	}{
		{"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", runtimes.Signalled, "SIGKILL", "none"},
		{"import ctypes\nctypes.string_at(0)", runtimes.Signalled, "SIGSEGV", "none"},
		{"import os\nprint('last')\nos._exit(7)", runtimes.NonZeroExit, "", "7"},
		{"import os\nos.execvp('sh', ['sh', '-c', 'echo last; exit 5'])", runtimes.NonZeroExit, "", "5"},
	} {
		value(t, k, "here = 1")
		o := run(t, k, Cell{Code: c.code, Number: 1})
		if o.exit.Status != c.status || o.exit.Signal != c.signal || code(o.exit) != c.exit || !o.noResult || o.exit.Usage.Wall <= 0 {
			t.Errorf("%s: %v", c.code, o)
		}
		if strings.Contains(c.code, "last") && o.stdout() != "last\n" {
			t.Errorf("what it had printed is lost: %v", o)
		}
		k = at.anew(t, k, env)
	}
}

func pythonRunsOutOfMemory(t *testing.T, at *place) {
	k, env := at.kernel(t)
	o := run(t, k, Cell{Code: "kept = []\nwhile True:\n    kept.append(bytearray(16 << 20))", Number: 1})
	switch {
	case o.exit.Status == runtimes.MemoryLimitExceeded && o.noResult:
		at.gone(t, k, env)
	case o.Exception != nil && o.Exception.Name == "MemoryError" && env.Limits().ProcessMemoryBytes > 0:
	default:
		t.Error(o)
	}
}

func pythonThatSpeaksWronglyIsEnded(t *testing.T, at *place) {
	k, env := at.kernel(t)
	const speak = "import os, codebeaker_kernel as k\ndef say(b):\n    os.write(k.channel.writes, b)\n    __import__('time').sleep(60)\n"
	for name, code := range map[string]string{
		"a header of 4 GB":       "say(b'\\xff' * 8)",
		"a body of 17 MB":        "say((2).to_bytes(4, 'little') + (17 << 20).to_bytes(4, 'little') + b'{}')",
		"no JSON":                "say((5).to_bytes(4, 'little') + bytes(4) + b'hello')",
		"an unknown word":        "k.channel.send({'op': 'launch'})\nsay(b'')",
		"ready again":            "k.channel.send({'op': 'ready'})\nsay(b'')",
		"a result of another":    "k.channel.send({'op': 'result', 'id': 1 << 40, 'status': 'ok'})\nsay(b'')",
		"input that never came":  "k.channel.send({'op': 'taken', 'bytes': 1 << 40})\nsay(b'')",
		"displays without pause": "while True: k.channel.send({'op': 'display', 'n': 1})",
	} {
		o := run(t, k, Cell{Code: speak + code, Number: 1})
		if o.exit.Status != runtimes.Signalled || o.exit.Signal != "SIGKILL" || !strings.Contains(o.exit.Message, "the kernel was ended") {
			t.Errorf("%s: %v", name, o)
		}
		k = at.gone(t, k, env)
	}
	// It closes its channel: its next word cannot come.
	o := run(t, k, Cell{Code: speak + "os.close(k.channel.writes)", Number: 1})
	if o.exit.Status == runtimes.Completed || !o.noResult {
		t.Error("the channel is closed:", o)
	}
	at.anew(t, k, env)
}

func pythonTakesMuchCode(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	code := "s = '" + strings.Repeat("x", 5<<20) + "'\nlen(s)"
	if o := run(t, k, Cell{Code: code, Number: 1}); o.Value != "5242880" {
		t.Error(o)
	}
	if _, err := k.Run(&Cell{Code: strings.Repeat("#", MaxBody+1)}, newRecorder()); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	if o := run(t, k, Cell{Code: "import sys\nlen(sys.stdin.read())", Stdin: make([]byte, 8<<20), Number: 2}); o.Value != "8388608" {
		t.Error(o)
	}
}

func pythonCutsLongTexts(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	for code, begins := range map[string]string{
		"list(range(1_000_000))":                                 "[0, 1, 2,",
		"'é' * 1_000_000":                                        "'éé",
		"{i: [i] for i in range(100_000)}":                       "{0: [0], 1: [1],",
		"type('L', (), {'__repr__': lambda s: 'é' * 100_000})()": "éé",
	} {
		o := run(t, k, Cell{Code: code, Number: 1})
		if !o.ValueCut || len(o.Value) > MaxText || len(o.Value) < MaxText-3 || !strings.HasPrefix(o.Value, begins) {
			t.Errorf("%s: %d bytes, %.60q, cut %v", code, len(o.Value), o.Value, o.ValueCut)
		}
	}
	o := run(t, k, Cell{Code: "raise ValueError('m' * 1_000_000)", Number: 1})
	if o.Exception == nil || len(o.Exception.Message) != MaxText || len(o.Exception.Traceback) > MaxText || !strings.HasPrefix(o.Exception.Traceback, "Traceback") {
		t.Errorf("%+v", o.exit)
	}
}

func pythonPrintsMuch(t *testing.T, at *place) {
	k, _ := at.kernel(t, unbounded)
	o := run(t, k, Cell{Code: "for i in range(20):\n    print('x' * ((10 << 20) - 1))\n'done'", Number: 1})
	if o.sizes[runtimes.Stdout] != 200<<20 || o.Value != "'done'" {
		t.Errorf("%d bytes, value %q", o.sizes[runtimes.Stdout], o.Value)
	}
	t.Logf("200 MB of prints took %v", o.exit.Usage.Wall)
	lines := run(t, k, Cell{Code: "for i in range(50_000):\n    print(i)", Number: 2})
	if lines.sizes[runtimes.Stdout] != 288_890 {
		t.Errorf("%d bytes of 50,000 lines", lines.sizes[runtimes.Stdout])
	}
}

func pythonIsHeldUpByAReaderWhoDoesNotRead(t *testing.T, at *place) {
	k, _ := at.kernel(t, unbounded)
	r := newRecorder()
	r.hold = true
	p, err := k.Run(&Cell{Code: "print('x' * (2 << 20))", Number: 1}, r)
	if err != nil {
		t.Fatal(err)
	}
	r.follow(p)
	until(t, r, strings.Repeat("x", runtimes.Window))
	time.Sleep(50 * time.Millisecond)
	r.mu.Lock()
	got := r.sizes[runtimes.Stdout]
	r.hold = false
	r.mu.Unlock()
	if got != runtimes.Window {
		t.Errorf("%d bytes with a window of %d", got, runtimes.Window)
	}
	p.Grant(got)
	if o := r.wait(t); o.sizes[runtimes.Stdout] != 2<<20+1 || o.exit.Status != runtimes.Completed {
		t.Errorf("%d bytes: %+v", o.sizes[runtimes.Stdout], o.exit)
	}
	// What was not granted back when a cell ended is no loss to the next ones.
	for range 4 {
		r := newRecorder()
		r.hold = true
		p, err := k.Run(&Cell{Code: "print('y' * 200_000)", Number: 1}, r)
		if err != nil {
			t.Fatal(err)
		}
		r.follow(p)
		if o := r.wait(t); o.exit.Status != runtimes.Completed {
			t.Errorf("%+v", o.exit)
		}
	}
}

func pythonFloodsWithDisplays(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	o := run(t, k, Cell{Code: "for i in range(1000):\n    display(i)\n'done'", Number: 1})
	if len(o.displays) != MaxDisplays || o.Omitted == 0 || o.Value != "'done'" {
		t.Errorf("%d displays, %d left out, value %q", len(o.displays), o.Omitted, o.Value)
	}
	o = run(t, k, Cell{Code: "display({'text/html': 'x' * (5 << 20), 'text/plain': 'short'}, raw=True)\ndisplay({'text/html': 'x' * (5 << 20)}, raw=True)", Number: 2})
	if len(o.displays) != 2 || !o.displays[0].Cut || len(o.displays[0].Parts) != 1 || !o.displays[1].Cut || o.Omitted > 0 {
		t.Errorf("%d displays, %v", len(o.displays), o.Omitted)
	}
	o = run(t, k, Cell{Code: "display({'text/html': 'x' * (4 << 20)}, raw=True)", Number: 3})
	if len(o.displays) != 1 || o.displays[0].Cut || len(o.displays[0].Parts[0].Data) != MaxDisplay {
		t.Errorf("%d displays", len(o.displays))
	}
}

func pythonHasAForkBomb(t *testing.T, at *place) {
	k, env := at.kernel(t)
	o, took := stop(t, k, Cell{Code: "import os, time\nprint('on')\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)", Number: 1})
	if o.exit.Status != runtimes.TimeLimitExceeded || took > 10*time.Second {
		t.Errorf("after %v: %v", took, o)
	}
	if isClosed(k.Gone()) {
		k = at.gone(t, k, env)
	}
	k.Close()
	<-k.Gone()
	if got := boxedtest.Shell(t, env, "ls -d /proc/[0-9]* | wc -l"); got.Status != runtimes.Completed {
		t.Errorf("%+v", got)
	}
}

func pythonThreadsPrintBetweenCells(t *testing.T, at *place) {
	k, _ := at.kernel(t, unbounded)
	var o *outcome
	for _, ms := range []int{50, 500, 3000} { // a busy machine may not have ended the cell by then
		first := run(t, k, Cell{Code: "import threading, time\ndone = threading.Event()\ndef late():\n    time.sleep(" + strconv.Itoa(ms) + " / 1000)\n    print('late')\n    display('no place')\n    done.set()\nthreading.Thread(target=late).start()", Number: 1})
		time.Sleep(time.Duration(5*ms) * time.Millisecond)
		if o = run(t, k, Cell{Code: "done.wait()\nprint('now')", Number: 2}); len(first.told) == 0 && len(o.displays) == 0 {
			break
		}
	}
	if o.stdout() != "late\n'no place'\nnow\n" || len(o.displays) != 0 {
		t.Error(o)
	}
	// More than the window, between two cells: it is held up, not lost.
	value(t, k, "def much():\n    print('m' * (1 << 20))\nthread = threading.Timer(0.05, much)\nthread.start()")
	time.Sleep(200 * time.Millisecond)
	if o := run(t, k, Cell{Code: "thread.join()", Number: 3}); o.sizes[runtimes.Stdout] != 1<<20+1 {
		t.Errorf("%d bytes", o.sizes[runtimes.Stdout])
	}
}

func pythonLimitOfOutput(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	o := run(t, k, Cell{Code: "while True:\n    print('x' * 99)", OutputBytes: 12_345, Number: 1})
	if o.exit.Status != runtimes.OutputLimitExceeded || o.sizes[runtimes.Stdout] != 12_345 || !o.exit.Cut[runtimes.Stdout-1] || o.exit.Cut[runtimes.Stderr-1] {
		t.Errorf("%d bytes: %v", o.sizes[runtimes.Stdout], o.exit)
	}
	// What cells print is counted for each: the session's limit is one of executions.
	for n := range 3 {
		o := run(t, k, Cell{Code: "print('x' * 600_000)", Number: n})
		if o.exit.Status != runtimes.Completed || o.sizes[runtimes.Stdout] != 600_001 {
			t.Logf("%.3000s", o.stderr())
			t.Error(o)
		}
	}
	if o := run(t, k, Cell{Code: "print('x' * 2_000_000)", Number: 4}); o.exit.Status != runtimes.OutputLimitExceeded || int64(o.sizes[runtimes.Stdout]) != boxedtest.Limits.OutputBytes {
		t.Errorf("%d bytes, %+v, %.2000q", o.sizes[runtimes.Stdout], o.exit, o.stderr())
	}
	if o := run(t, k, Cell{Code: "print('x' * 99)", OutputBytes: 100, Number: 2}); o.exit.Status != runtimes.Completed || o.sizes[runtimes.Stdout] != 100 {
		t.Error(o)
	}
}

func pythonOpenInput(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	p, r := begin(t, k, Cell{Code: "print('on')\nname = input()\ndisplay(name)\nprint('and')\nimport sys\nrest = sys.stdin.read()\nname, len(rest)", Stdin: []byte("A"), OpenStdin: true, Number: 1})
	until(t, r, "on\n")
	if n, err := p.Input([]byte("da\n")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	until(t, r, "and\n")
	text := []byte(strings.Repeat("0123456789", 50_000))
	for left := text; len(left) > 0; {
		n, err := p.Input(left)
		if err != nil {
			t.Fatal(err)
		}
		if left = left[n:]; n == 0 {
			<-r.ready
		}
	}
	p.CloseInput()
	if _, err := p.Input([]byte("x")); !errors.Is(err, runtimes.ErrInputClosed) {
		t.Error(err)
	}
	if o := r.wait(t); o.Value != "('Ada', 500000)" || len(o.displays) != 1 {
		t.Error(o)
	}
	// What a cell leaves is not for the next.
	p, r = begin(t, k, Cell{Code: "print('on')\ninput()", OpenStdin: true, Number: 2})
	if _, err := p.Input([]byte("one\ntwo\n")); err != nil {
		t.Fatal(err)
	}
	if o := r.wait(t); o.Value != "'one'" {
		t.Error(o)
	}
	if o := run(t, k, Cell{Code: "import sys\nsys.stdin.read()", Number: 3}); o.Value != "''" {
		t.Error(o)
	}
	// It waits for nobody, and is interrupted.
	o, _ := stop(t, k, Cell{Code: "print('on')\ninput()", OpenStdin: true, Number: 4})
	if o.exit.Status != runtimes.TimeLimitExceeded || !o.Kept || o.noResult {
		t.Error(o)
	}
	// It reads nothing: no more is accepted than fits.
	p, r = begin(t, k, Cell{Code: "print('on')\nimport time\ntime.sleep(60)", OpenStdin: true, Number: 5})
	accepted := 0
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		n, err := p.Input(text)
		if err != nil {
			t.Fatal(err)
		}
		if accepted += n; n == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if accepted < runtimes.InputBuffer || accepted > 2*runtimes.InputBuffer {
		t.Errorf("%d bytes accepted of nobody who reads", accepted)
	}
	p.Stop(runtimes.Cancelled)
	if o := r.wait(t); o.exit.Status != runtimes.Cancelled || !o.Kept || o.noResult {
		t.Error(o)
	}
	if got := value(t, k, "1 + 1"); got != "2" {
		t.Error(got)
	}
}

func pythonCellsOneAfterAnother(t *testing.T, at *place) {
	k, env := at.kernel(t)
	value(t, k, "total = 0")
	for i := range 50 {
		value(t, k, fmt.Sprintf("total += %d\ndef f%d():\n    return total", i, i))
	}
	if got := value(t, k, "total, f49()"); got != "(1225, 1225)" {
		t.Error(got)
	}
	// One at a time.
	running, r := begin(t, k, Cell{Code: "import time\nprint('on')\ntime.sleep(60)", Number: 1})
	if _, err := k.Run(&Cell{Code: "1"}, newRecorder()); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	until(t, r, "on\n")
	running.Stop(runtimes.Cancelled)
	running.Stop(runtimes.TimeLimitExceeded)
	if o := r.wait(t); o.exit.Status != runtimes.Cancelled {
		t.Error(o)
	}
	if err := running.Resize(runtimes.TerminalSize{}); !errors.Is(err, runtimes.ErrNoTerminal) || running.Channel() != nil {
		t.Error(err)
	}
	// Variables and the directory.
	if o := run(t, k, Cell{Code: "import os\nos.environ['GREETING'], os.getcwd()", Env: []string{"GREETING=a=b"}, Number: 1}); o.Value != "('a=b', '/workspace')" {
		t.Error(o)
	}
	if got := value(t, k, "os.environ['GREETING']"); got != "'a=b'" {
		t.Error(got)
	}
	write(t, env, "sub/mine.py", "answer = 42\n")
	other := start(t, env, at.engine(t), Options{Dir: "sub", Env: []string{"ITS=own"}})
	if got := value(t, other, "import mine, os\nmine.answer, os.environ['ITS']"); got != "(42, 'own')" {
		t.Error(got)
	}
	// Files that are called as modules of the kernel's are nothing to it.
	write(t, env, "json.py", "raise SystemExit('not this one')\n")
	if got := value(t, start(t, env, at.engine(t), Options{}), "6 * 7"); got != "42" {
		t.Error(got)
	}
	// What a kernel says that cannot start is its first cell's.
	broken := start(t, env, at.engine(t), Options{Env: []string{"PYTHONHOME=/nowhere"}})
	if o := run(t, broken, Cell{Code: "1", Number: 1}); o.exit.Status != runtimes.NonZeroExit || !strings.Contains(strings.Join(o.told, ""), "encodings") {
		t.Error(o)
	}
	// A module that was not there a moment ago.
	run(t, k, Cell{Code: "try:\n    import fresh\nexcept ImportError:\n    pass", Number: 1})
	write(t, env, "fresh.py", "value = 5\n")
	if o := run(t, k, Cell{Code: "import fresh\nfresh.value", Number: 2}); o.Value != "5" {
		t.Error(o)
	}
	// A cell that is stopped before it begins leaves the kernel alone.
	third := start(t, env, at.engine(t), Options{})
	early := newRecorder()
	process, err := third.Run(&Cell{Code: "print('never')\nx = 1", Number: 1}, early)
	if err != nil {
		t.Fatal(err)
	}
	process.Stop(runtimes.Cancelled)
	if o := early.wait(t); o.exit.Status != runtimes.Cancelled {
		t.Error(o)
	}
	if got := value(t, third, "'x' in globals()"); got != "False" {
		t.Error(got)
	}
	// The environment is closed under a cell.
	_, r = begin(t, third, Cell{Code: "print('on')\nwhile True: pass", Number: 1})
	until(t, r, "on\n")
	if err := env.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if o := r.wait(t); o.exit.Status == runtimes.Completed || !o.noResult {
		t.Error(o)
	}
}

func pythonThatCannotStart(t *testing.T, at *place) {
	env := at.environment(t)
	e := at.engine(t)
	e.name = "no-such-python"
	k := start(t, env, e, Options{})
	r := newRecorder()
	if _, err := k.Run(&Cell{Code: "1", Number: 1}, r); err != nil && !errors.Is(err, ErrGone) {
		t.Error(err)
	} else if err == nil {
		if o := r.wait(t); o.exit.Status != runtimes.CouldNotStart || o.exit.Message == "" {
			t.Error(o)
		}
	}
	e = at.engine(t)
	e.source = "raise SystemExit(3)"
	k = start(t, env, e, Options{})
	r = newRecorder()
	if _, err := k.Run(&Cell{Code: "1", Number: 1}, r); err == nil {
		if o := r.wait(t); o.exit.Status != runtimes.NonZeroExit || !o.noResult {
			t.Error(o)
		}
	}
}
