package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// typedLines are what is typed into a repl of each language.
var typedLines = map[string]struct{ set, get, block, failure, loop, ask, completed string }{
	"python": {
		set: "forty_two = 42\r", get: "forty_\t\r", block: "for i in range(2):\r  print('i', i)\r\r", failure: "1/0\r",
		loop: "for i in [print('beg' + 'un')]:\r  while True: pass\r\r", ask: "print('as' + 'ked') or print('<' + input() + '>')\r", completed: "forty_two.bit_le\t()\r",
	},
	"javascript": {
		set: "let forty_two = 42\r", get: "forty_\t\r", block: "for (const i of [0, 1]) {\rconsole.log('i', i)\r}\r", failure: "null.x\r",
		loop: "console.log('beg' + 'un'); for (;;);\r", ask: "console.log('as' + 'ked'); console.log('<' + prompt() + '>')\r", completed: "Math.floo\t(6.5)\r",
	},
}

func replIsTyped(t *testing.T, c *cli) {
	state := t.TempDir()
	for language, typed := range typedLines {
		t.Run(language, func(t *testing.T) {
			cmd := c.command(t, "repl", language)
			cmd.Env = append(cmd.Environ(), "TERM=xterm", "XDG_STATE_HOME="+state)
			y := newTypist(t, cmd)
			y.see(language + " on ")
			y.see(">>> ")
			y.enter(typed.set)
			y.see("\r\n>>> ")
			y.enter(typed.get) // completed by what was typed before
			y.see("forty_two")
			y.see("\n42\r\n")
			y.see(">>> ")
			y.enter(typed.block)
			y.see("i 0\r\ni 1\r\n")
			y.see(">>> ")
			y.enter(typed.completed) // by the kernel
			y.see("\n6\r\n")
			y.see(">>> ")
			y.enter(typed.failure)
			y.see("Error")
			y.see(">>> ")
			y.enter("half (\x03") // given up
			y.see(">>> ")
			y.enter(typed.ask)
			y.see("asked\r\n")
			y.enter("answer\r")
			y.see("<answer>\r\n")
			y.see(">>> ")
			y.enter("\x04")
			if code := y.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			kept, err := os.ReadFile(filepath.Join(state, "codebeaker", "history-"+language))
			if err != nil || !strings.HasPrefix(string(kept), strings.TrimSuffix(typed.set, "\r")+"\n") {
				t.Errorf("the history: %q, %v", kept, err)
			}

			// What was typed then is there, and an interrupt keeps what there is now.
			cmd = c.command(t, "repl", language)
			cmd.Env = append(cmd.Environ(), "TERM=xterm", "XDG_STATE_HOME="+state)
			y = newTypist(t, cmd)
			y.see(">>> ")
			y.enter(typed.set[:12] + "\x1b[A\r") // the one that begins so
			y.see("\r\n>>> ")
			y.enter(typed.loop)
			y.see("begun\r\n")
			y.enter("\x03")
			y.see("nterrupt")
			y.see(">>> ")
			y.enter(typed.get)
			y.see("\n42\r\n")
			y.see(">>> ")
			if err := y.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if code := y.exit(); code != 128+int(syscall.SIGTERM) {
				t.Errorf("SIGTERM: exit code %d", code)
			}
		})
	}
	c.wantNoSession(t)
}
