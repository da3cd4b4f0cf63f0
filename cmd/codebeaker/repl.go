package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

const replHelp = `Read code, run it in a fresh session of LANG, print what it prints and its value, and read on. What the
code defines stays, as the language keeps it (docs/notebooks.md).

On a terminal lines are edited, kept in a history file below XDG_STATE_HOME (~/.local/state) and completed by
Tab. Code goes on while a bracket or a string is open, or a block of Python, which an empty line ends. Ctrl-C
interrupts what runs and keeps the variables where the language can; the third one for the same code ends its
kernel. What is typed while code runs is its input. Ctrl-D, exit and quit end.

Otherwise standard input is code: an empty line ends a cell, unless something is open in it or the next line is
indented. In Go a text that begins with a package clause is one cell. The first that fails ends it, with exit code 1, or that of exit(n) in the code.

What the code shows is named by its types, with its text. --save writes the other forms to files of DIR.`

func replCommand() *cobra.Command {
	var r remote
	var save string
	cmd := &cobra.Command{
		Use: "repl LANG", Short: "Run code line by line, or from a pipe, and keep its variables", Long: replHelp,
		Example: "  codebeaker repl python\n  codebeaker repl --save figures python < analysis.py",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return ours(r.repl(cmd, args[0], save)) },
	}
	cmd.Flags().StringVar(&save, "save", "", "directory for the pictures, pages and so on that the code shows")
	r.addServerFlags(cmd)
	r.addSessionFlags(cmd)
	_ = cmd.PersistentFlags().MarkHidden("json")
	return cmd
}

// repl runs cells in a session, which it reads from the input.
func (r *remote) repl(cmd *cobra.Command, language, save string) error {
	signal.Ignore(syscall.SIGPIPE) // so that the session is closed when nobody reads
	typed := terminal(cmd.InOrStdin())
	return r.within(cmd, language, func(i *interrupts, w *workshop) error {
		l := &loop{
			remote: r, workshop: w, interrupts: i, language: w.session.Language, save: save,
			out: cmd.OutOrStdout(), complaints: cmd.ErrOrStderr(),
		}
		if !typed {
			return l.pipe(cmd.InOrStdin())
		}
		fmt.Fprintf(l.complaints, "%s on %s, session %s\n", w.session.Language, w.session.RuntimeType, w.session.SessionID)
		return l.converse()
	})
}

// loop runs one cell after another.
type loop struct {
	remote     *remote
	workshop   *workshop
	interrupts *interrupts
	language   string
	save       string // directory; "" is none
	out        io.Writer
	complaints io.Writer

	count int    // of cells
	seen  string // what has been run, for names
	// stdin, where it is there, feeds a cell from the terminal until it is stopped.
	stdin func(e *client.Execution) (stop func())
}

// pipe runs the cells of a text up to the first that fails.
func (l *loop) pipe(from io.Reader) error {
	lines := bufio.NewReader(from)
	var cells cellReader
	cells.language = l.language
	for {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err != nil
		for _, code := range cells.add(line, ended) {
			result, err := l.run(code)
			if err != nil {
				return err
			}
			if !result.Success {
				return failureOf(result)
			}
		}
		if ended {
			return nil
		}
	}
}

// failureOf is the end of a cell as that of this process, which has told of it.
func failureOf(result *protocol.ExecuteResult) error {
	came, _ := result.Result.(*protocol.CodeResult)
	if came == nil {
		return errors.New(cmp.Or(text(result.Error), "the code did not run"))
	}
	if came.Exception != nil {
		return &exitError{code: 1}
	}
	if came.ExitCode != nil {
		return &exitError{code: *came.ExitCode}
	}
	if came.Status == runtimes.TimeLimitExceeded.String() {
		return &exitError{code: exitTimeLimit}
	}
	if signal, ok := runtimes.ParseSignal(came.Signal); ok {
		return &exitError{code: exitSignal + int(signal)}
	}
	return &exitError{code: 1}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// run runs a cell and prints what comes of it. An error is not the code's.
func (l *loop) run(code string) (*protocol.ExecuteResult, error) {
	l.count++
	command := &protocol.ExecuteCode{Code: &code}
	if l.stdin == nil {
		command.Stdin = new(string)
	}
	ctx := l.interrupts.ctx
	e, err := l.workshop.Start(ctx, client.Execute{SessionID: l.workshop.session.SessionID, Command: command, Background: true, Timeout: l.remote.timeout})
	if err != nil {
		return nil, err
	}
	defer l.workshop.leave(e)
	defer context.AfterFunc(ctx, func() { l.workshop.leave(e) })()
	l.interrupts.forward(e)
	defer l.interrupts.forward(nil)
	if l.stdin != nil {
		defer l.stdin(e)()
	}
	main := false
	for piece, err := range e.Output() {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			fmt.Fprintf(l.complaints, "codebeaker: %v\n", gap)
		case err != nil:
			return nil, err
		case piece.Display != nil:
			main = main || piece.Display.Main
			err = l.show(piece.Display)
		case piece.Stream == client.Stderr:
			_, err = l.complaints.Write(piece.Data)
		default:
			_, err = l.out.Write(piece.Data)
		}
		if err != nil && gap == nil {
			return nil, readerGone(err)
		}
	}
	result, err := e.Wait(ctx)
	if err != nil {
		return nil, err
	}
	l.seen = lastOf(l.seen+"\n"+code, keptNames)
	return result, l.tell(result, main)
}

// keptNames is how much of what has been run is looked through for names.
const keptNames = 256 << 10

// tell prints what a cell came to; shown: its value is there already.
func (l *loop) tell(result *protocol.ExecuteResult, shown bool) error {
	came, _ := result.Result.(*protocol.CodeResult)
	switch {
	case came == nil:
		fmt.Fprintf(l.complaints, "codebeaker: %s\n", cmp.Or(text(result.Error), "the code did not run"))
		return nil
	case came.Exception != nil:
		fmt.Fprintln(l.complaints, strings.TrimRight(cmp.Or(came.Exception.Traceback, came.Exception.Name+": "+came.Exception.Message), "\n"))
	case !result.Success:
		fmt.Fprintf(l.complaints, "codebeaker: %s\n", cmp.Or(text(result.Error), came.Status))
	}
	if came.Value != "" && !shown {
		more := ""
		if came.ValueTruncated {
			more = " [and more]"
		}
		if _, err := fmt.Fprintf(l.out, "%s%s\n", came.Value, more); err != nil {
			return readerGone(err)
		}
	}
	if came.Omitted > 0 {
		fmt.Fprintf(l.complaints, "codebeaker: %d displays were left out\n", came.Omitted)
	}
	if came.Kernel == "restarted" {
		fmt.Fprintln(l.complaints, "codebeaker: the kernel ended: the next code begins without variables")
	}
	return nil
}

// show names a display by its types, prints its text and saves the rest.
func (l *loop) show(d *protocol.Display) error {
	types := slices.Sorted(maps.Keys(d.Data))
	var other []string
	for _, kind := range types {
		if kind != "text/plain" {
			other = append(other, kind)
		}
	}
	if plain, ok := d.Data["text/plain"]; ok {
		if _, err := fmt.Fprintln(l.out, strings.TrimSuffix(plain, "\n")); err != nil {
			return err
		}
	}
	if len(other) == 0 {
		return nil
	}
	said := strings.Join(other, ", ")
	if d.Truncated {
		said += " and more, which was too long"
	}
	if l.save != "" {
		var files []string
		for _, kind := range other {
			file, err := l.write(kind, d)
			if err != nil {
				return fmt.Errorf("save a display: %w", err)
			}
			files = append(files, file)
		}
		said += ": " + strings.Join(files, ", ")
	}
	_, err := fmt.Fprintf(l.out, "[%s]\n", said)
	return err
}

// write writes one form of a display to a new file.
func (l *loop) write(kind string, d *protocol.Display) (string, error) {
	content := []byte(d.Data[kind])
	if d.Encoding[kind] == string(protocol.Base64) {
		var err error
		if content, err = base64.StdEncoding.DecodeString(d.Data[kind]); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(l.save, 0o777); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		name := filepath.Join(l.save, fmt.Sprintf("cell%d-%d%s", l.count, n, suffixOf(kind)))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, os.ErrExist) {
			continue // of an earlier display, or an earlier time
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(content)
		return name, errors.Join(err, f.Close())
	}
}

// suffixOf is the suffix of files of a MIME type.
func suffixOf(kind string) string {
	kind, _, _ = mime.ParseMediaType(kind)
	if suffix, ok := map[string]string{
		"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/svg+xml": ".svg", "application/pdf": ".pdf",
		"text/html": ".html", "text/markdown": ".md", "text/latex": ".tex", "text/csv": ".csv", "text/javascript": ".js",
	}[kind]; ok {
		return suffix
	}
	switch {
	case strings.HasSuffix(kind, "json"):
		return ".json"
	case strings.HasPrefix(kind, "text/"):
		return ".txt"
	}
	return ".bin"
}
