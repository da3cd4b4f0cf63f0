package kernel

import (
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

// reset makes a kernel begin anew.
func reset(t *testing.T, k *Kernel) {
	t.Helper()
	life, ok := k.Reset()
	if !ok || !k.Settled(time.Minute) || k.Life() != life {
		t.Fatalf("it does not begin anew: %v, life %d and not %d", ok, k.Life(), life)
	}
}

func pythonBeginsAnew(t *testing.T, at *place) {
	env := at.environment(t)
	write(t, env, "lib/once.py", "open('/workspace/imported', 'a').write('x')\n")
	write(t, env, "lib/unread.py", "import nothing_of_this_name\n")
	k := start(t, env, at.engine(t), Options{Imports: []string{"once", "unread", "numpy"}, Env: []string{"PYTHONPATH=/workspace/lib", "BORN=with"}})
	if _, ok := k.Reset(); ok {
		t.Error("one that has not begun begins anew")
	}
	const imported = "import sys\n'once' in sys.modules, 'unread' in sys.modules, open('/workspace/imported').read()"
	if got := value(t, k, imported); got != "(True, False, 'x')" {
		t.Error("at first:", got)
	}
	const drawn = "import random\ndrawn = [random.random()]\nif 'numpy' in sys.modules:\n    import numpy\n    drawn.append(float(numpy.random.rand()))\ndrawn"
	before := value(t, k, drawn)
	o := run(t, k, Cell{Code: `import os, subprocess, sys
os.chdir('/tmp')
os.environ['GREETING'] = 'mine'
sys.modules['once'] = None
far = "trap '' TERM HUP; echo $$ > /tmp/pid; sleep 1000"
subprocess.Popen(['sh', '-c', 'setsid sh -c "$0" & sleep 1000', far])
while not os.path.exists('/tmp/pid') or not open('/tmp/pid').read():
    pass
x = int(open('/tmp/pid').read())
os.path.exists('/proc/%d' % x)`, Number: 3, Env: []string{"GIVEN=here"}})
	if o.Value != "True" {
		t.Fatal(o)
	}
	begun := time.Now()
	reset(t, k)
	t.Logf("it began anew in %v", time.Since(begun))
	if got := value(t, k, imported); got != "(True, False, 'x')" {
		t.Error("then:", got)
	}
	if after := value(t, k, drawn); after == before || strings.Count(after, ",") != strings.Count(before, ",") {
		t.Error("the same numbers are drawn:", before, after)
	}
	for code, want := range map[string]string{
		"'x' in globals()": "False",
		"import os\nos.getcwd(), os.environ.get('GREETING'), os.environ['BORN']":                                           "('/workspace', None, 'with')",
		"import os\nos.environ['GIVEN']":                                                                                   "'here'", // cells keep what they were given
		"import os\nos.path.exists('/proc/%s' % open('/tmp/pid').read().strip())":                                          "False",
		"import os\nsorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:3]":                                             "[0, 1, 2]",
		"import os\n[os.readlink('/proc/self/fd/%d' % fd)[:4] for fd in range(3)]":                                         "['/dev', 'pipe', 'pipe']",
		"import subprocess\nsubprocess.run('ls /proc/self/fd | wc -l', shell=True, capture_output=True, text=True).stdout": "'4\\n'",
	} {
		if got := value(t, k, code); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
	// Whatever it does: one that runs a cell does not.
	running, r := begin(t, k, Cell{Code: "print('on')\nwhile True: pass", Number: 1})
	until(t, r, "on\n")
	if _, ok := k.Reset(); ok {
		t.Error("it begins anew under a cell")
	}
	running.Stop(runtimes.Cancelled)
	if o := r.wait(t); o.exit.Status != runtimes.Cancelled || !o.Kept || o.noResult {
		t.Error(o)
	}
	// What a cell was given that has to wait is for the next.
	_, ok := k.Reset()
	if o := run(t, k, Cell{Code: "input()", Stdin: []byte("for it\n"), Number: 1}); !ok || o.Value != "'for it'" {
		t.Error(ok, o)
	}
}

func pythonBeginsAnewAfterItsEnd(t *testing.T, at *place) {
	k, env := at.kernel(t)
	life := 0
	for name, c := range map[string]struct {
		code   string
		status runtimes.Status
		signal string
	}{
		"an exit":           {"import os\nprint('on', flush=True)\nos._exit(3)", runtimes.NonZeroExit, ""},
		"a good exit":       {"import os\nprint('on', flush=True)\nos._exit(0)", runtimes.Completed, ""},
		"a signal":          {"import os\nprint('on', flush=True)\nos.kill(os.getpid(), 15)", runtimes.Signalled, "SIGTERM"},
		"within a message":  {"import os, codebeaker_kernel as k\nprint('on', flush=True)\nos.write(k.channel.writes, b'\\x40\\0\\0\\0\\0\\0\\1\\0{')\nos._exit(4)", runtimes.NonZeroExit, ""},
		"within a long one": {"import os, codebeaker_kernel as k\nprint('on', flush=True)\nos.write(k.channel.writes, b'\\x02\\0\\0\\0\\0\\0\\1\\0{}' + bytes(60000))\nos._exit(5)", runtimes.NonZeroExit, ""},
	} {
		value(t, k, "here = 1")
		p, r := begin(t, k, Cell{Code: c.code, OpenStdin: true, Number: 1})
		for range 20 { // it is not for the next one
			_, _ = p.Input([]byte(strings.Repeat("x", 3000)))
		}
		o := r.wait(t)
		if o.exit.Status != c.status || o.exit.Signal != c.signal || o.stdout() != "on\n" || !o.noResult {
			t.Errorf("%s: %v", name, o)
		}
		if k = at.anew(t, k, env); isClosed(k.Gone()) {
			t.Fatalf("%s: it is gone", name)
		}
		if life++; k.Life() != life {
			t.Errorf("%s: life %d, not %d", name, k.Life(), life)
		}
	}
	if o := run(t, k, Cell{Code: "input()", Stdin: []byte("more"), Number: 2}); o.Value != "'more'" {
		t.Error(o)
	}
}

func pythonEndsWithItsZygote(t *testing.T, at *place) {
	k, env := at.kernel(t)
	o := run(t, k, Cell{Code: "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(60)", Number: 1})
	if o.exit.Status != runtimes.Signalled || o.exit.Signal != "SIGKILL" || !o.noResult {
		t.Error(o)
	}
	k = at.gone(t, k, env)
	// One that stands still is not waited for.
	value(t, k, "import os\nos.kill(os.getppid(), 19)")
	if _, ok := k.Reset(); ok && k.Settled(10*time.Millisecond) {
		t.Error("a zygote that stands still has made another")
	}
	<-k.Gone()
	at.gone(t, k, env)
	if got := boxedtest.Shell(t, env, "cat /proc/[0-9]*/comm | grep -c python"); string(got.Stdout) != "2\n" {
		t.Errorf("%q", got.Stdout)
	}
}
