package kernel

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// row is one line of the table of cells that every engine is held against.
type row struct {
	name string
	// python and javascript are the code, "" where a language has no such thing.
	// Between cells stands a line "----"; what is wanted is of the last one.
	python, javascript string
	stdin              string
	want               want
	// on are the differences: what an engine wants instead, by the name of its
	// program.
	on map[string]want
}

// want is what comes of a cell.
type want struct {
	value string
	// told is all that was told in its order, as recorder has it; stdout and stderr
	// are for cells without displays.
	told           []string
	stdout, stderr string
	// exception is its name, message its text, lines those of the cell in the
	// traceback.
	exception, message string
	lines              []int
	status             runtimes.Status // zero: Completed, or Exception
	code               int
}

var table = []row{
	// Values.
	{name: "a value", python: "40 + 2", javascript: "40 + 2", want: want{value: "42"}},
	{name: "text", python: "'a' + 'ä'", javascript: "'a' + 'ä'", want: want{value: "'aä'"}, on: map[string]want{"bun": {value: `"aä"`}, "deno": {value: `"aä"`}}},
	{name: "no value", python: "x = 1", javascript: "var x = 1", want: want{}},
	{name: "nothing", python: "", javascript: "", want: want{}},
	{name: "a comment", python: "# nothing", javascript: "// nothing", want: want{}},
	{name: "a hidden value", python: "40 + 2;", javascript: "40 + 2;", want: want{}},
	{name: "a hidden value and a comment", python: "(40 + 2) ;  # it is 42; really", javascript: "(40 + 2) ;  // it is 42; really", want: want{}},
	{name: "a semicolon in a comment", python: "42 # a;", javascript: "42 // a;", want: want{value: "42"}},
	{name: "None", python: "None", javascript: "undefined", want: want{}},
	{name: "the last of several", python: "1\n2\n3", javascript: "1\n2\n3", want: want{value: "3"}},
	{name: "a loop has none", python: "for i in range(3): i", javascript: "for (let i = 0; i < 3; i++) i", want: want{}},
	{name: "the last value", python: "6 * 7\n----\n_ + 1", javascript: "6 * 7\n----\n_ + 1", want: want{value: "43"}},
	{name: "an object first", javascript: "{a: 1}", want: want{value: "{ a: 1 }"}, on: map[string]want{"bun": {value: "{\n  a: 1,\n}"}}},
	{name: "a dict", python: "{'a': [1, (2,), {3}], 'b': {}}", want: want{value: "{'a': [1, (2,), {3}], 'b': {}}"}},
	{name: "itself", python: "own = [1]\nown.append(own)\nown", want: want{value: "[1, [...]]"}},
	{name: "on two lines", python: "(1 +\n 2)", javascript: "(1 +\n 2)", want: want{value: "3"}},
	{name: "carriage returns", python: "a = 1\r\na + 1\r\n", javascript: "var a = 1\r\na + 1\r\n", want: want{value: "2"}},
	{name: "a character beyond the first plane", python: "len('😀')", javascript: "'😀'.length", want: want{value: "1"},
		on: map[string]want{"node": {value: "2"}, "bun": {value: "2"}, "deno": {value: "2"}}},

	// State.
	{name: "variables stay", python: "n = 20\n----\nn += 1\n----\nn * 2", javascript: "let n = 20\n----\nn += 1\n----\nn * 2", want: want{value: "42"}},
	{name: "functions stay", python: "def f(a):\n    return a + 1\n----\nf(1)", javascript: "function f(a) {\n  return a + 1\n}\n----\nf(1)", want: want{value: "2"}},
	{name: "classes stay", python: "class C:\n    x = 5\n----\nC().x", javascript: "class C { x = 5 }\n----\nnew C().x", want: want{value: "5"}},
	{name: "imports stay", python: "import math\n----\nmath.floor(2.5)", javascript: "import path from 'node:path'\n----\npath.join('a', 'b').length", want: want{value: "2"},
		on: map[string]want{"node": {value: "3"}, "bun": {value: "3"}, "deno": {value: "3"}}},
	{name: "declared again", python: "c = 1\n----\nc = 2\nc", javascript: "const c = 1\n----\nconst c = 2\nc", want: want{value: "2"}},
	{name: "a future import stays", python: "from __future__ import annotations\n----\ndef f(a: not_there): pass\nf.__annotations__", want: want{value: "{'a': 'not_there'}"}},
	{name: "after an exception", python: "kept = 1\n----\nkept + 1", javascript: "var kept = 1\n----\nkept + 1", want: want{value: "2"}},
	{name: "what was done before an exception", python: "done = 7\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    done += 1\n----\ndone", want: want{value: "8"}},
	{name: "a decorator and a closure", python: "def twice(f):\n    return lambda *a: f(f(*a))\n\n@twice\ndef inc(a):\n    return a + 1\n\ninc(5)", want: want{value: "7"}},
	{name: "a comprehension sees variables", python: "base = 10\n[base + i for i in range(3)]", want: want{value: "[10, 11, 12]"}},

	// Await.
	{name: "await", python: "import asyncio\nasync def later(v):\n    await asyncio.sleep(0.001)\n    return v\n----\nawait later(5)",
		javascript: "const later = v => new Promise(r => setTimeout(r, 1, v))\n----\nawait later(5)", want: want{value: "5"}},
	{name: "await among statements", python: "import asyncio\nfirst = await asyncio.sleep(0, 3)\nfirst + 1", javascript: "const first = await Promise.resolve(3)\nfirst + 1", want: want{value: "4"}},
	{name: "await in a loop", python: "import asyncio\nfor i in range(3):\n    await asyncio.sleep(0)\nprint(i)", javascript: "for (let i = 0; i < 3; i++) await null\nconsole.log(2)", want: want{stdout: "2\n"}},
	{name: "tasks go on", python: "import asyncio\nseen = []\nasync def work():\n    await asyncio.sleep(0.001)\n    seen.append(1)\ntask = asyncio.create_task(work())\nawait asyncio.sleep(0)\n----\nawait task\nseen", want: want{value: "[1]"}},
	{name: "asyncio.run", python: "import asyncio\nasync def f():\n    return 9\nasyncio.run(f())", want: want{value: "9"}},
	{name: "the loop of all cells after asyncio.run", python: "import asyncio\nasyncio.run(asyncio.sleep(0))\n----\nloop = asyncio.get_event_loop()\nloop.run_until_complete(asyncio.sleep(0, 'done'))", want: want{value: "'done'"}},
	{name: "async with and for", python: "import contextlib\n@contextlib.asynccontextmanager\nasync def cm():\n    yield 4\nasync def gen():\n    yield 1\n    yield 2\nasync with cm() as got:\n    pass\ntotal = [i async for i in gen()]\ngot, total", want: want{value: "(4, [1, 2])"}},

	// Output.
	{name: "output", python: "print('a')\nimport sys\nprint('b', file=sys.stderr)", javascript: "console.log('a')\nconsole.error('b')", want: want{stdout: "a\n", stderr: "b\n"}},
	{name: "no newline", python: "print('a', end='')", javascript: "process.stdout.write('a')", want: want{stdout: "a"}, on: map[string]want{"node": {value: "true", stdout: "a"}, "bun": {value: "true", stdout: "a"}, "deno": {value: "true", stdout: "a"}}},
	{name: "bytes", python: "import sys\nsys.stdout.buffer.write(b'\\x00\\xff')\nNone", javascript: "process.stdout.write(Buffer.from([0, 255]));", want: want{stdout: "\x00\xff"}},
	{name: "a child writes", python: "import subprocess\nprint('a')\nsubprocess.run(['echo', 'b'])\nprint('c')", want: want{stdout: "a\nb\nc\n"}},
	{name: "the descriptor itself", python: "import os\nprint('a')\nos.write(1, b'b')\nNone", want: want{stdout: "a\nb"}},
	{name: "a closed stdout comes back", python: "import sys\nsys.stdout.close()\n----\nprint('there')", want: want{stdout: "there\n"}},

	// Exceptions.
	{name: "an exception", python: "\n1 / 0", javascript: "\nthrow new TypeError('bad')", want: want{exception: "ZeroDivisionError", message: "division by zero", lines: []int{2}},
		on: jsOn(want{exception: "TypeError", message: "bad", lines: []int{2}})},
	{name: "in a function of another cell", python: "def f():\n    x = 1\n    raise KeyError('k')\n----\nx = 1\nf()", want: want{exception: "KeyError", message: "'k'", lines: []int{2, 3}}},
	{name: "a syntax error", python: "x = 1\ny = = 2", want: want{exception: "SyntaxError", message: "invalid syntax (<cell 1>, line 2)", lines: []int{2}}},
	{name: "an indentation", python: "if True:\nx = 1", want: want{exception: "IndentationError", message: "expected an indented block after 'if' statement on line 1 (<cell 1>, line 2)", lines: []int{2}}},
	{name: "a zero byte", python: "x = 'a\x00'", want: want{exception: "SyntaxError", message: "source code cannot contain null bytes (<cell 1>, line 1)", lines: []int{1}}},
	{name: "a chain", python: "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('second') from e", want: want{exception: "ValueError", message: "second", lines: []int{2, 4}}},
	{name: "a context", python: "try:\n    1 / 0\nexcept ZeroDivisionError:\n    undefined_name", want: want{exception: "NameError", message: "name 'undefined_name' is not defined", lines: []int{2, 4}}},
	{name: "after an await", python: "import asyncio\nasync def fail():\n    await asyncio.sleep(0)\n    raise OSError('gone')\nawait fail()", want: want{exception: "OSError", message: "gone", lines: []int{5, 4}}},
	{name: "an exception that has no text", python: "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd()", want: want{exception: "Odd", message: "<the exception's text could not be made>", lines: []int{4}}},
	{name: "a repr that fails", python: "class R:\n    def __repr__(self):\n        raise ValueError('no repr')\nR()", want: want{exception: "ValueError", message: "no repr", lines: []int{3}}},
	{name: "a recursion", python: "def deep(n):\n    return deep(n + 1)\ndeep(0)", want: want{exception: "RecursionError", message: "maximum recursion depth exceeded", lines: []int{3, 2, 2, 2}}},
	{name: "a group", python: "raise ExceptionGroup('several', [ValueError('a'), TypeError('b')])", want: want{exception: "ExceptionGroup", message: "several (2 sub-exceptions)", lines: []int{1}}},
	{name: "KeyboardInterrupt raised", python: "raise KeyboardInterrupt", want: want{exception: "KeyboardInterrupt", lines: []int{1}}},
	{name: "a lone surrogate", python: "raise ValueError('\\ud800')", want: want{exception: "ValueError", message: `\ud800`, lines: []int{1}}},
	{name: "a lone surrogate as a value", python: "'\\ud800'", want: want{value: `'\ud800'`}},

	// Exits.
	{name: "exit", python: "exit(3)", want: want{status: runtimes.NonZeroExit, code: 3}},
	{name: "exit 0", python: "import sys\nsys.exit()", want: want{}},
	{name: "exit with a text", python: "import sys\nsys.exit('no more')", want: want{status: runtimes.NonZeroExit, code: 1, stderr: "no more\n"}},
	{name: "exit in an await", python: "import asyncio\nawait asyncio.sleep(0)\nraise SystemExit(4)", want: want{status: runtimes.NonZeroExit, code: 4}},
	{name: "stdin after an exit", python: "exit()\n----\ninput()", stdin: "there\n", want: want{value: "'there'"}},

	// Input.
	{name: "input", python: "a = input()\nb = input('?')\na + b", stdin: "one\ntwo\n", want: want{value: "'onetwo'", stdout: "?"}},
	{name: "the input ends", python: "import sys\nsys.stdin.read()", stdin: "all\nof it", want: want{value: `'all\nof it'`}},
	{name: "no input", python: "input()", want: want{exception: "EOFError", message: "EOF when reading a line", lines: []int{1}}},
	{name: "a child reads it", python: "import subprocess\nsubprocess.run(['cat'])\nNone", stdin: "for the child", want: want{stdout: "for the child"}},
	{name: "none is left for the next", python: "input()\n----\nimport sys\nsys.stdin.read()", stdin: "", want: want{exception: "", value: "''"}},

	// Displays.
	{name: "a display", python: "print('a')\ndisplay(1)\nprint('b')", javascript: "console.log('a')\ndisplay(1)\nconsole.log('b')", want: want{told: []string{"out:a\n", "display:text/plain", "out:b\n"}},
		on: jsOn(want{told: []string{"out:a\n", "display:application/json,text/plain", "out:b\n"}})},
	{name: "rich", python: "class Rich:\n    def _repr_html_(self):\n        return '<b>'\n    def _repr_png_(self):\n        return b'\\x89PNG'\n    def __repr__(self):\n        return 'Rich'\ndisplay(Rich())", want: want{told: []string{"display:text/html,image/png,text/plain"}}},
	{name: "a rich value", python: "Rich()", want: want{value: "Rich", told: []string{"main:text/html,image/png,text/plain"}}},
	{name: "a bundle", python: "class Bundle:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n        return {'text/x-mine': 'm'}, {}\n    def __repr__(self):\n        return 'B'\ndisplay(Bundle())", want: want{told: []string{"display:text/x-mine,text/plain"}}},
	{name: "raw", python: "display({'application/json': {'a': 1}}, raw=True)", want: want{told: []string{"display:application/json"}}},
	{name: "no type", python: "display({'not a type': 'x', 'text/plain': 'y'}, raw=True)", want: want{told: []string{"display:text/plain"}}},
	{name: "a form that fails", python: "class Half:\n    def _repr_html_(self):\n        raise ValueError('half')\n    def __repr__(self):\n        return 'Half'\nHalf()", want: want{value: "Half", stderr: "ValueError: half\n"}},
	{name: "an object that answers to any name", python: "class Any:\n    def __getattr__(self, name):\n        return lambda *a, **k: 'any'\n    def __repr__(self):\n        return 'Any'\nAny()", want: want{value: "Any"}},
	{name: "IPython.display", python: "from IPython.display import display as show, HTML, Markdown\nshow(HTML('<i>'))\nMarkdown('*m*')", want: want{
		value: "<IPython.core.display.Markdown object>", told: []string{"display:text/html,text/plain", "main:text/markdown,text/plain"}}},
	{name: "a thread displays", python: "import threading\nt = threading.Thread(target=lambda: display('t'))\nt.start()\nt.join()", want: want{told: []string{"display:text/plain"}}},

	// Magics.
	{name: "a command", python: "n = 3\n!echo {n} $n $HOME", want: want{stdout: "3 3 /home/user\n"}, on: map[string]want{}},
	{name: "the output of a command", python: "lines = !printf 'a\\nb'\nlines", want: want{value: "['a', 'b']"}},
	{name: "magics among code", python: "if True:\n    %env PLANET=earth\n%matplotlib inline\n%pwd", want: want{value: "'/workspace'"}},
	{name: "cd", python: "%cd /tmp\n----\nimport os\nhere = os.getcwd()\nos.chdir('/workspace')\nhere", want: want{value: "'/tmp'"}},
	{name: "no magic", python: "a = 7\nb = (a\n  % 4)\ntext = '''\n%pip\n!ls\n'''\nb, text", want: want{value: `(3, '\n%pip\n!ls\n')`}},
	{name: "lines stay after a magic", python: "%env A=1\n\n1 / 0", want: want{exception: "ZeroDivisionError", message: "division by zero", lines: []int{3}}},
	{name: "a shell cell", python: "%%bash\nfor i in 1 2; do\n  echo $i {x}\ndone", want: want{stdout: "1 {x}\n2 {x}\n"}},

	// Things of their own.
	{name: "the source of a function", python: "def sourced():\n    return 1\n----\nimport inspect\ninspect.getsource(sourced)", want: want{value: `'def sourced():\n    return 1\n'`}},
	{name: "pickle", python: "class P:\n    def __init__(self): self.a = 5\n----\nimport pickle\npickle.loads(pickle.dumps(P())).a", want: want{value: "5"}},
	{name: "processes", python: "import multiprocessing\ndef square(a):\n    return a * a\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n    got = pool.map(square, range(4))\ngot", want: want{value: "[0, 1, 4, 9]"}},
	{name: "a fork ends by itself", python: "import os\nchild = os.fork()\nif child == 0:\n    print('in the child')\nelse:\n    os.waitpid(child, 0)\n    print('in the parent')", want: want{stdout: "in the child\nin the parent\n"}},
	{name: "a fork shows nothing", python: "import os\nchild = os.fork()\nif child == 0:\n    display('text')\nelse:\n    os.waitpid(child, 0)\nNone", want: want{stdout: "'text'\n"}},
	{name: "no descriptors of ours", python: "import subprocess\nsubprocess.run(['sh', '-c', 'ls /proc/self/fd | wc -l'], stdin=subprocess.DEVNULL, close_fds=False)\nNone", want: want{stdout: "4\n"}},
	{name: "the main module", python: "__name__, __import__('sys').argv, sorted(n for n in globals() if not n.startswith('__'))[:0]", want: want{value: "('__main__', [''], [])"}},
	{name: "a signal handler of theirs is theirs for one cell", python: "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n----\nsignal.getsignal(signal.SIGINT) is signal.SIG_IGN", want: want{value: "False"}},
	{name: "a warning", python: "import warnings\nwarnings.warn('old')", want: want{stderr: "<cell 1>:2: UserWarning: old\n  warnings.warn('old')\n"}},
}

// jsOn is a difference that all engines of JavaScript share.
func jsOn(w want) map[string]want { return map[string]want{"node": w, "bun": w, "deno": w} }

// cellLines finds the lines of cells in a traceback.
var cellLines = regexp.MustCompile(`<cell \d+>(?:", line |:)(\d+)`)

// testTable runs the rows for a language on kernels of a place.
func testTable(t *testing.T, p *place, env runtimes.Environment, of func(*row) string) {
	engine := p.engine(t)
	k := start(t, env, engine, Options{})
	rows := 0
	for i := range table {
		r := &table[i]
		text := of(r)
		if text == "" && r.name != "nothing" {
			continue
		}
		rows++
		t.Run(r.name, func(t *testing.T) {
			select {
			case <-k.Gone():
				k = start(t, env, engine, Options{})
			default:
			}
			w := r.want
			if other, differs := r.on[strings.TrimSuffix(engine.name, "3")]; differs {
				w = other
			}
			cells := strings.Split(text, "\n----\n")
			for n, code := range cells {
				o := run(t, k, Cell{Code: code, Number: n + 1, Stdin: []byte(r.stdin)})
				if n == len(cells)-1 {
					w.check(t, code, o, len(cells))
				} else if o.Exception != nil && r.want.exception == "" && r.stdin != "" {
					t.Fatalf("%s: %v", code, o)
				}
			}
		})
	}
	t.Logf("%d rows", rows)
}

func (w *want) check(t *testing.T, code string, o *outcome, number int) {
	t.Helper()
	problem := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s\n%s\n%v", code, fmt.Sprintf(format, args...), o)
	}
	status := w.status
	switch {
	case status != 0:
	case w.exception != "":
		status = runtimes.Exception
	default:
		status = runtimes.Completed
	}
	if o.exit.Status != status || o.noResult || !o.Kept {
		problem("the status is not %v", status)
	}
	if status == runtimes.Exception != (o.exit.Code == nil) || o.exit.Code != nil && *o.exit.Code != w.code {
		problem("the exit code is not %d", w.code)
	}
	if o.exit.Usage.CPU == nil || o.exit.Usage.PeakMemory != nil || o.exit.Usage.Wall <= 0 {
		problem("the usage is %+v", o.exit.Usage)
	}
	if o.Value != w.value || o.HasValue != (w.value != "") {
		problem("the value is not %q", w.value)
	}
	told := slices.Clone(o.told)
	if o.Main != nil {
		var types []string
		for _, p := range o.Main.Parts {
			types = append(types, p.Type)
		}
		told = append(told, "main:"+strings.Join(types, ","))
	}
	if w.told != nil && !slices.Equal(told, w.told) {
		problem("%q was told, not %q", told, w.told)
	}
	if w.told == nil && (o.stdout() != w.stdout || len(o.displays) > 0 || o.Main != nil) {
		problem("the output is not %q", w.stdout)
	}
	if !strings.HasSuffix(o.stderr(), w.stderr) || w.stderr == "" && o.stderr() != "" {
		problem("stderr is not %q", w.stderr)
	}
	exception := Exception{}
	if o.Exception != nil {
		exception = *o.Exception
	}
	message := strings.ReplaceAll(w.message, "<cell 1>", fmt.Sprintf("<cell %d>", number))
	if exception.Name != w.exception || exception.Message != message {
		problem("the exception is not %s: %s", w.exception, message)
	}
	var lines []int
	for _, m := range cellLines.FindAllStringSubmatch(exception.Traceback, -1) {
		line, _ := strconv.Atoi(m[1])
		if lines = append(lines, line); len(lines) > 50 {
			break
		}
	}
	if !slices.Equal(lines, w.lines) && !strings.Contains(w.message, "<cell") {
		problem("the lines of the traceback are %v, not %v", lines, w.lines)
	}
	if strings.Contains(exception.Traceback, "<kernel>") || strings.Contains(exception.Traceback, "/asyncio/") && !strings.Contains(code, "asyncio.run") {
		problem("the traceback shows what is not the user's")
	}
}
