package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/peterh/liner"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// converse reads cells from the terminal until it ends.
func (l *loop) converse() error {
	before, err := liner.TerminalMode()
	if err != nil {
		return err
	}
	lines := liner.NewLiner()
	defer lines.Close()
	editing, err := liner.TerminalMode()
	if err != nil {
		return err
	}
	// Liner shows a prompt before it takes Ctrl-C for itself. One in between would be
	// nobody's, and the terminal forgets what was typed before it.
	if err := withoutSignals(os.Stdin); err != nil {
		return err
	}
	lines.SetCtrlCAborts(true)
	lines.SetTabCompletionStyle(liner.TabPrints)
	lines.SetWordCompleter(l.complete)
	history := openHistory(l.language)
	history.read(lines)
	defer func() {
		if err := history.write(lines); err != nil {
			fmt.Fprintf(l.complaints, "codebeaker: the history is not kept: %v\n", err)
		}
	}()
	l.stdin = typedInput
	l.interrupts.patient.Store(true)
	for {
		code, err := l.ask(lines)
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(l.out)
			return nil
		}
		if err != nil {
			return err
		}
		switch strings.TrimSpace(code) {
		case "":
			continue
		case "exit", "exit()", "quit", "quit()", ".exit":
			return nil
		}
		if err := before.ApplyMode(); err != nil {
			return err
		}
		_, err = l.run(code)
		if err := errors.Join(err, editing.ApplyMode(), withoutSignals(os.Stdin)); err != nil {
			return err
		}
	}
}

// ask reads one cell, "" when it was given up.
func (l *loop) ask(lines *liner.State) (string, error) {
	var code strings.Builder
	for prompt := ">>> "; ; prompt = "... " {
		line, err := l.prompt(lines, prompt)
		if errors.Is(err, liner.ErrPromptAborted) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if strings.TrimSpace(line) != "" {
			lines.AppendHistory(line)
		}
		code.WriteString(line + "\n")
		if whole(l.language, code.String()) {
			return code.String(), nil
		}
	}
}

// prompt reads a line, unless the command is to end.
func (l *loop) prompt(lines *liner.State, prompt string) (string, error) {
	type answer struct {
		line string
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		line, err := lines.Prompt(prompt)
		read <- answer{line, err}
	}()
	select {
	case a := <-read:
		return a.line, a.err
	case <-l.interrupts.ctx.Done():
		return "", context.Cause(l.interrupts.ctx)
	case <-l.workshop.Done():
		return "", l.workshop.Err()
	}
}

// typedInput feeds a cell with what is typed while it runs, until stop.
func typedInput(e *client.Execution) (stop func()) {
	ended, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		defer func() { _ = e.CloseInput() }()
		for line := make([]byte, 4096); waitForInput(os.Stdin, ended); {
			n, err := os.Stdin.Read(line)
			if n > 0 {
				if _, err := e.Write(line[:n]); err != nil {
					return
				}
				continue
			}
			if err != nil {
				return // Ctrl-D at the beginning of a line
			}
		}
	}()
	return func() { close(ended); <-left }
}

// history is what was typed, in a file of the user's.
type history struct{ file string }

func openHistory(language string) history {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // so it says: a relative one is to be ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return history{}
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return history{filepath.Join(dir, "codebeaker", "history-"+language)}
}

func (h history) read(lines *liner.State) {
	if f, err := os.Open(h.file); err == nil {
		_, _ = lines.ReadHistory(f) // what can be read of it
		_ = f.Close()
	}
}

func (h history) write(lines *liner.State) error {
	if h.file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(h.file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(h.file), "history-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = lines.WriteHistory(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), h.file)
}

// complete is liner's: what may stand in place of the word before the cursor.
func (l *loop) complete(line string, pos int) (head string, words []string, tail string) {
	before, tail := cutAt(line, pos)
	word := wordBefore.FindString(before)
	head = strings.TrimSuffix(before, word)
	if strings.TrimSpace(before) == "" {
		return before, []string{"    "}, tail // an indentation
	}
	if word == "" {
		return before, nil, tail
	}
	words = l.ofKernel(word)
	if !strings.Contains(word, ".") {
		for _, known := range append(name.FindAllString(l.seen, -1), keywords[l.language]...) {
			if strings.HasPrefix(known, word) && known != word {
				words = append(words, known)
			}
		}
	}
	slices.Sort(words)
	return head, slices.Compact(words), tail
}

// cutAt cuts a line before a character.
func cutAt(line string, pos int) (before, after string) {
	all := []rune(line)
	pos = max(0, min(pos, len(all)))
	return string(all[:pos]), string(all[pos:])
}

var (
	wordBefore = regexp.MustCompile(`[\pL_$][\pL\pN_$]*(\.[\pL\pN_$]*)*$`)
	name       = regexp.MustCompile(`[\pL_$][\pL\pN_$]+`)
)

// completionTime bounds how long a kernel is asked.
const completionTime = 2 * time.Second

// completers are the code that has a kernel print, a line each, what a word may
// become; %s is the word as a string.
var completers = map[string]func(word string) string{
	"python": func(word string) string {
		return `(lambda c, w: __import__("builtins").print(*filter(None, map(lambda i: c.complete(w, i), range(200))), sep="\n"))(` +
			`__import__("rlcompleter").Completer(globals()), ` + literal(word) + `);`
	},
	"javascript": completeScript,
	"typescript": completeScript,
}

func completeScript(word string) string {
	of, beginning := "globalThis", word
	if at := strings.LastIndexByte(word, '.'); at >= 0 {
		of, beginning = word[:at], word[at+1:]
	}
	return `((o, w, b) => { const s = new Set(); for (; o != null; o = Object.getPrototypeOf(Object(o))) ` +
		`for (const k of Object.getOwnPropertyNames(Object(o))) if (k.startsWith(b) && /^[\w$]+$/.test(k)) s.add(w + k); ` +
		`console.log([...s].slice(0, 200).join("\n")) })(` + of + `, ` + literal(strings.TrimSuffix(word, beginning)) + `, ` + literal(beginning) + `);`
}

// literal is a string of JSON, which the languages read as well.
func literal(s string) string {
	text, _ := json.Marshal(s) // a string
	return string(text)
}

// ofKernel asks the kernel what it would make of a word.
func (l *loop) ofKernel(word string) (words []string) {
	code := completers[l.language]
	if code == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.interrupts.ctx, completionTime)
	defer cancel()
	text, none := code(word), ""
	result, err := l.workshop.Run(ctx, l.workshop.session.SessionID, &protocol.ExecuteCode{Code: &text, Stdin: &none})
	if err != nil || !result.Success {
		return nil
	}
	for found := range strings.Lines(string(result.Stdout)) {
		found = strings.TrimRight(strings.TrimSpace(found), "()") // Python says what can be called
		if strings.HasPrefix(found, word) && found != word {
			words = append(words, found)
		}
	}
	return words
}

var keywords = map[string][]string{
	"python": strings.Fields(`False None True and as assert async await break class continue def del elif else except finally for from
		global if import in is lambda nonlocal not or pass raise return try while with yield print len range display`),
	"javascript": strings.Fields(scriptWords),
	"typescript": strings.Fields(scriptWords + " interface type enum namespace implements readonly declare abstract private public protected"),
	"go":         goWords(),
	"csharp": strings.Fields(`abstract as base bool break byte case catch char class const continue decimal default delegate do double else
		enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal is lock long namespace new
		null object operator out override params private protected public readonly ref return sealed short sizeof static string struct switch
		this throw true try typeof uint ulong unchecked unsafe ushort using var virtual void volatile while Console`),
}

const scriptWords = `async await break case catch class const continue debugger default delete do else export extends false finally for
	function if import in instanceof let new null of return static super switch this throw true try typeof undefined var void while yield
	console display`

func goWords() (words []string) {
	for t := token.BREAK; t <= token.VAR; t++ {
		words = append(words, t.String())
	}
	return append(words, strings.Fields("append cap clear close copy delete len make max min new panic print println recover any error string bool byte rune nil true false")...)
}
