package main

import (
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// inTerminal is a command with a terminal of 80 by 24.
func inTerminal(name string, args ...string) object {
	return object{"type": "execute_shell", "commandName": name, "args": args, "pty": object{"cols": 80, "rows": 24},
		"env": object{"PS1": "> ", "ENV": ""}}
}

// promise is something that holds for each runtime; the promises of a test share
// its server, and those of a runtime a session.
type promise struct {
	name string
	test func(t *testing.T, p *Program, f *foreign, s session)
}

func keepOnEach(t *testing.T, promises []promise) {
	p := sharedServer(t)
	onEach(t, p, func(t *testing.T, f *foreign, s session) {
		for _, c := range promises {
			t.Run(c.name, func(t *testing.T) {
				defer f.in(t)()
				c.test(t, p, f, s)
			})
		}
		f.close(s)
		tracesOf(p).wantNone(t, s.name())
	})
}

func TestATerminal(t *testing.T) {
	keepOnEach(t, []promise{
		{"HasAShellAsItsUserExpects", shellInTerminal},
		{"InTheForegroundEndsWithItsShell", terminalInForeground},
		{"IsSharedAndOutlivesItsClients", sharedTerminal},
		{"ShowsAFullScreen", fullScreenInTerminal},
		{"HasAnEditor", editorInTerminal},
	})
}

func shellInTerminal(t *testing.T, p *Program, f *foreign, s session) {
	sh := f.start(s, inTerminal("sh", "-i"), nil)
	sh.until("> ")
	sh.write("echo size $(stty size) $TERM; tty | cut -c 1-9\n")
	sh.until("size 24 80 xterm-256color\r\n/dev/pts/")
	sh.write("trap 'echo now $(stty size)' WINCH; echo re''ady\n")
	sh.until("ready")
	sh.call("execution.resize", object{"cols": 132, "rows": 43}, nil)
	sh.write("\n")
	sh.until("now 43 132")
	sh.write(`printf '\033[1;31mred\033[0m \303\251 \377 end\n'` + "\n")
	sh.until("\x1b[1;31mred\x1b[0m é \xff end\r\n")
	sh.write("cat > typed\n")
	sh.write("a line\n\x04")
	sh.write("echo read $(cat typed)\n")
	sh.until("read a line")
	for end := time.Now().Add(20 * time.Second); !strings.Contains(sh.output(), "code 130"); time.Sleep(100 * time.Millisecond) {
		sh.write("sleep 1000\n")
		sh.write("\x03")
		sh.write("echo co''de $?\n")
		if time.Now().After(end) {
			t.Fatalf("control-C ended nothing: %q", sh.output())
		}
	}
	sh.write("exit 0\n")
	sh.wantCode(0)
	if o := f.shell(s, "echo", "usable"); o.Result.Stdout != "usable\n" {
		t.Errorf("after exit 0: %+v", o)
	}
}

// A terminal in the foreground holds up the commands behind it, and only them.
func terminalInForeground(t *testing.T, p *Program, f *foreign, s session) {
	known := f.executions(s)
	id := f.send("session.execute", object{"sessionId": s.ID, "stream": true, "command": inTerminal("sh", "-i")})
	started := f.note("execution.started", func(p map[string]any) bool { return !known[p["executionId"].(string)] })
	sh := &running{f, s, started["executionId"].(string)}
	next := f.send("session.execute", object{"sessionId": s.ID, "command": shellLine("echo next")})
	sh.write("exit 0\n")
	var o outcome
	if f.result(id, &o); !o.Success {
		t.Errorf("%+v", o)
	}
	if f.result(next, &o); o.Result.Stdout != "next\n" {
		t.Errorf("%+v", o)
	}
}

// Two clients see and type at once; one leaves with and one without a word, and
// the terminal lives on for who comes back.
func sharedTerminal(t *testing.T, p *Program, f *foreign, s session) {
	one := connect(t, "python-websockets", p.URL()).start(s, inTerminal("sh", "-i"), nil)
	one.until("> ")
	two := one.attach(connect(t, "npm-ws", p.URL()))
	one.write("echo from-o''ne\n")
	two.until("from-one\r\n> ")
	two.write("echo from-t''wo\n")
	one.until("from-two\r\n> ")
	two.until("from-two\r\n> ")
	if one, two := one.output(), two.output(); one != two {
		t.Errorf("one sees %q, two %q", one, two)
	}
	two.f.vanish()
	one.write("echo still-t''here\n")
	all := one.until("still-there\r\n> ")
	one.f.leave()
	back := one.attach(f)
	if got := back.until("still-there\r\n> "); got != all {
		t.Errorf("who comes back sees %q, there was %q", got, all)
	}
	if state := back.listing().State; state != "Running" {
		t.Errorf("the terminal is %s", state)
	}
	back.write("exit 0\n")
	back.wantCode(0)
}

// repls are interactive programs, what they print when they are ready, a line
// to type, and what comes back.
var repls = []struct {
	kind                         runtimes.Type
	language                     string
	command                      []string
	ready, line, answer, goodbye string
}{
	{runtimes.Docker, "python", []string{"python3"}, ">>> ", "import sys; [6 * 7, sys.stdin.isatty()]\n", "[42, True]", "exit(0)\n"},
	{runtimes.Native, "python", []string{"python3"}, ">>> ", "import sys; [6 * 7, sys.stdin.isatty()]\n", "[42, True]", "exit(0)\n"},
	{runtimes.Docker, "javascript", []string{"node"}, "> ", "String([6 * 7, process.stdin.isTTY, process.stdout.columns])\n", "42,true,80", ".exit\n"},
	{runtimes.Native, "javascript", []string{"node"}, "> ", "String([6 * 7, process.stdin.isTTY, process.stdout.columns])\n", "42,true,80", ".exit\n"},
	{runtimes.Bun, "javascript", []string{"bun", "repl"}, "❯", "String([6 * 7, process.stdin.isTTY, process.stdout.columns])\r", "42,true,80", ".exit\r"},
	{runtimes.Deno, "javascript", []string{"deno", "repl"}, "> ", "String([6 * 7, Deno.stdin.isTerminal(), Deno.consoleSize().columns])\r", "42,true,80", "close()\r"},
}

func TestInteractiveProgramsOfEachLanguageAnswer(t *testing.T) {
	p := sharedServer(t)
	for _, c := range repls {
		t.Run(c.kind.String()+"/"+c.language, func(t *testing.T) {
			needLanguage(t, p, c.kind, c.language)
			f := connect(t, "python-websockets", p.URL())
			s := f.create(object{"language": c.language, "runtimeType": c.kind.String()})
			repl := f.start(s, inTerminal(c.command[0], c.command[1:]...), nil)
			repl.until(c.ready)
			repl.write(c.line)
			repl.until(c.answer)
			repl.write(c.goodbye)
			repl.wantCode(0)
			f.close(s)
		})
	}
}

// fullScreen are programs that take the whole screen, answer each key, follow
// the size and leave at q.
var fullScreen = map[string]string{
	"python": `import curses
def main(w):
    def show(): y, x = w.getmaxyx(); w.addstr(1, 2, "<%dx%d>" % (x, y)); w.refresh()
    show()
    while True:
        k = w.getch()
        if k == ord('q'): return
        if k == curses.KEY_RESIZE: show()
        else: w.addstr(3, 2, "<key %d>" % k); w.refresh()
curses.wrapper(main)`,
	"javascript": `const out = (s) => process.stdout.write(s)
const show = () => out("\x1b[2;3H<" + process.stdout.columns + "x" + process.stdout.rows + ">")
out("\x1b[?1049h"); process.stdin.setRawMode(true); show()
process.stdout.on("resize", show)
process.stdin.on("data", (keys) => { for (const k of keys) {
  if (k === 113) { out("\x1b[?1049l"); process.exit(0) }
  out("\x1b[4;3H<key " + k + ">")
} })`,
}

func fullScreenInTerminal(t *testing.T, p *Program, f *foreign, s session) {
	f.write(s, "screen", fullScreen[s.Language])
	f.write(s, "screen.mjs", "import process from 'node:process'\n"+fullScreen["javascript"])
	command := map[string][]string{
		"Docker": {"python3", "screen"}, "Native": {"python3", "screen"}, "Bun": {"bun", "screen.mjs"}, "Deno": {"deno", "run", "screen.mjs"},
	}[s.Runtime]
	screen := f.start(s, inTerminal(command[0], command[1:]...), nil)
	screen.until("<80x24>")
	screen.write("a")
	screen.until("<key 97>")
	// Curses looks for a signal before it waits for a key: one in between is seen with
	// the next.
	for end := time.Now().Add(30 * time.Second); !strings.Contains(screen.output(), "<100x30>") && time.Now().Before(end); {
		screen.call("execution.resize", object{"cols": 99, "rows": 30}, nil)
		screen.call("execution.resize", object{"cols": 100, "rows": 30}, nil)
		time.Sleep(200 * time.Millisecond)
	}
	screen.until("<100x30>")
	screen.write("q")
	screen.wantCode(0)
	if all := screen.output(); !strings.Contains(all, "\x1b[?1049h") || !strings.Contains(all, "\x1b[?1049l") {
		t.Errorf("not a full screen: %q", all)
	}
}

func editorInTerminal(t *testing.T, _ *Program, f *foreign, s session) {
	if o := f.shell(s, "sh", "-c", "command -v vi"); !o.Success {
		t.Skip("there is no vi: on a host install vim-tiny, or make the images again: make images")
	}
	vi := f.start(s, inTerminal("vi", "note"), nil)
	vi.until("\x1b[?1049h")
	vi.write("ifrom vi\x1b")
	vi.until("from vi")
	vi.write(":wq\r")
	vi.wantCode(0)
	if o := f.shell(s, "cat", "note"); o.Result.Stdout != "from vi\n" {
		t.Errorf("%+v", o)
	}
}
