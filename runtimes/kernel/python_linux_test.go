package kernel

import (
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func pythonOf(r *row) string { return r.python }

func TestKernelPythonOnDocker(t *testing.T) {
	t.Parallel()
	p := dockerPlace(t, runtimes.Python)
	testTable(t, p, p.environment(t), pythonOf)
}

func pythonTellsOfAMagicThatNobodyKnows(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	o := run(t, k, Cell{Code: "\n%nosuch 1", Number: 1})
	if o.Exception == nil || o.Exception.Name != "UsageError" || !strings.Contains(o.Exception.Message, "%nosuch") {
		t.Error(o)
	}
	if value(t, k, "import importlib.util\nimportlib.util.find_spec('traitlets') is not None") != "True" {
		return // there is no IPython
	}
	if o := run(t, k, Cell{Code: "a = 5\n%who_ls int", Number: 2}); o.Value != "['a']" {
		t.Error(o)
	}
	if o := run(t, k, Cell{Code: "%%capture got\nprint('caught')", Number: 3}); o.Exception != nil || o.stdout() != "" || value(t, k, "got.stdout") != `'caught\n'` {
		t.Error(o)
	}
}

// stop stops a cell after its code has said something, and says how long it took.
func stop(t *testing.T, k *Kernel, c Cell) (*outcome, time.Duration) {
	t.Helper()
	p, r := begin(t, k, c)
	until(t, r, "on\n")
	at := time.Now()
	p.Stop(runtimes.TimeLimitExceeded)
	o := r.wait(t)
	return o, time.Since(at)
}

// until waits until a cell has been told something.
func until(t testing.TB, r *recorder, what string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		r.mu.Lock()
		for _, told := range r.told {
			if strings.Contains(told, what) {
				r.mu.Unlock()
				return
			}
		}
		r.mu.Unlock()
	}
	t.Fatalf("not told %q after a minute", what)
}

func pythonIsInterruptedAndKeepsItsVariables(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	value(t, k, "kept = 41")
	for name, c := range map[string]struct {
		code  string
		lines string
	}{
		"a loop":           {"print('on')\nwhile True:\n    pass", "line "},
		"a sleep":          {"import time\nprint('on'); time.sleep(60)", "line 2"},
		"an await":         {"import asyncio\nprint('on'); await asyncio.sleep(60)", "line 2"},
		"a loop in a task": {"import asyncio\nasync def spin():\n    print('on')\n    while True:\n        pass\nawait spin()", "line "},
		"a child":          {"import subprocess\nprint('on'); subprocess.run(['sleep', '60'])", "line 2"},
		"a command":        {"import os\n!echo on; sleep 60", "line 2"},
		"a lock":           {"import threading\nlock = threading.Lock()\nlock.acquire()\nprint('on'); lock.acquire()", "line 4"},
		"asyncio.run":      {"import asyncio\nasync def f():\n    print('on'); await asyncio.sleep(60)\nasyncio.run(f())", "line 4"},
		"displays":         {"print('on')\nwhile True:\n    display(1)", "line "},
		"prints":           {"while True:\n    print('on')", "line "},
	} {
		o, took := stop(t, k, Cell{Code: c.code, Number: 7})
		if o.exit.Status != runtimes.TimeLimitExceeded || o.exit.Code != nil || !o.Kept || o.Exception == nil ||
			o.Exception.Name != "KeyboardInterrupt" || !strings.Contains(o.Exception.Traceback, `"<cell 7>", `+c.lines) {
			t.Errorf("%s: %v", name, o)
			continue
		}
		t.Logf("%s ended %v after it was stopped", name, took)
		if got := value(t, k, "kept + 1"); got != "42" {
			t.Errorf("%s: then %s", name, got)
		}
	}
}

func pythonThatIsNotInterruptedIsKilled(t *testing.T, at *place) {
	k, env := at.kernel(t)
	value(t, k, "here = 1")
	o, _ := stop(t, k, Cell{Code: "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\nprint('on')\nwhile True:\n    pass", Number: 1})
	if o.exit.Status != runtimes.TimeLimitExceeded || !o.noResult || o.exit.Signal != "SIGKILL" {
		t.Error(o)
	}
	k = at.anew(t, k, env)
	k.Close()
	<-k.Gone()
	if _, err := k.Run(&Cell{Code: "1"}, newRecorder()); err != ErrGone {
		t.Error(err)
	}
	at.gone(t, k, env)
}

func pythonIsInterruptedBySIGINT(t *testing.T, at *place) {
	k, _ := at.kernel(t)
	p, r := begin(t, k, Cell{Code: "import time\ntry:\n    print('on')\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('caught')\n'went on'", Number: 1})
	until(t, r, "on\n")
	if delivered, err := p.Signal(2); !delivered || err != nil {
		t.Error(delivered, err)
	}
	if o := r.wait(t); o.exit.Status != runtimes.Completed || o.Value != "'went on'" || o.stdout() != "on\ncaught\n" {
		t.Error(o)
	}
	if delivered, err := p.Signal(2); delivered || err != nil {
		t.Error("a signal reached a cell that has ended")
	}
	// One that nobody waits for does nothing.
	if _, err := k.process.Signal(2); err != nil {
		t.Error(err)
	}
	if got := value(t, k, "1 + 1"); got != "2" {
		t.Error(got)
	}
}

// pythonTests are beside the table. Each has an environment of its own.
var pythonTests = []struct {
	name string
	test func(*testing.T, *place)
}{
	{"Dies", pythonDies},
	{"RunsOutOfMemory", pythonRunsOutOfMemory},
	{"ThatSpeaksWronglyIsEnded", pythonThatSpeaksWronglyIsEnded},
	{"TakesMuchCode", pythonTakesMuchCode},
	{"CutsLongTexts", pythonCutsLongTexts},
	{"PrintsMuch", pythonPrintsMuch},
	{"IsHeldUpByAReaderWhoDoesNotRead", pythonIsHeldUpByAReaderWhoDoesNotRead},
	{"FloodsWithDisplays", pythonFloodsWithDisplays},
	{"HasAForkBomb", pythonHasAForkBomb},
	{"ThreadsPrintBetweenCells", pythonThreadsPrintBetweenCells},
	{"LimitOfOutput", pythonLimitOfOutput},
	{"OpenInput", pythonOpenInput},
	{"CellsOneAfterAnother", pythonCellsOneAfterAnother},
	{"ThatCannotStart", pythonThatCannotStart},
	{"TellsOfAMagicThatNobodyKnows", pythonTellsOfAMagicThatNobodyKnows},
	{"IsInterruptedAndKeepsItsVariables", pythonIsInterruptedAndKeepsItsVariables},
	{"ThatIsNotInterruptedIsKilled", pythonThatIsNotInterruptedIsKilled},
	{"IsInterruptedBySIGINT", pythonIsInterruptedBySIGINT},
	{"BeginsAnew", pythonBeginsAnew},
	{"BeginsAnewAfterItsEnd", pythonBeginsAnewAfterItsEnd},
	{"EndsWithItsZygote", pythonEndsWithItsZygote},
}

func TestKernelPythonOnNative(t *testing.T) {
	p := nativePlace(t, runtimes.Python)
	t.Run("Table", func(t *testing.T) { testTable(t, p, p.environment(t), pythonOf) })
	for _, c := range pythonTests {
		t.Run(c.name, func(t *testing.T) { c.test(t, p) })
	}
}

// Without control groups the limits are those of each process.
func TestKernelPythonWithoutControlGroups(t *testing.T) {
	p := nativePlace(t, runtimes.Python, nil)
	pythonDies(t, p)
	pythonRunsOutOfMemory(t, p)
	pythonThatIsNotInterruptedIsKilled(t, p)
	pythonBeginsAnew(t, p)
}
