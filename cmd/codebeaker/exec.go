package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

const execHelp = `Run a program in a fresh session of LANG and pass its output, its input and its exit code through.

Standard input goes to the program when it is a pipe or a file. Ctrl-C sends it SIGINT; a second one ends the session.
A session of --session stays, and only the program is killed then; so it is when nobody reads its output any more.
Exit codes: the program's; 128+n when signal n ended it; 124 after --timeout; 127 when it could not start;
125 when the command could not be run.`

func execCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use: "exec LANG -- CMD [ARG...]", Short: "Run a program in a session", Long: execHelp,
		Example: "  codebeaker exec python -- python3 -c 'print(6 * 7)'\n  codebeaker exec --runtime Docker go -- go version < /dev/null",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ours(r.exec(cmd, args[0], nil, func(*workshop) *protocol.ExecuteShell {
				return client.Program(args[1], args[2:]...)
			}))
		},
	}
	r.addServerFlags(cmd)
	r.addSessionFlags(cmd)
	return cmd
}

// exec runs a program in a session, after it has been prepared.
func (r *remote) exec(cmd *cobra.Command, language string, prepare func(context.Context, *workshop) error, program func(*workshop) *protocol.ExecuteShell) error {
	signal.Ignore(syscall.SIGPIPE) // so that the session is closed when nobody reads
	return r.within(cmd, language, func(i *interrupts, w *workshop) error {
		if prepare != nil {
			if err := prepare(i.ctx, w); err != nil {
				return err
			}
		}
		command := program(w)
		input := cmd.InOrStdin()
		if terminal(input) {
			input, command.Stdin = nil, new(string)
		}
		return w.attend(i.ctx, r, command, func(e *client.Execution) error {
			i.forward(e)
			if input != nil {
				go feed(e, input)
			}
			return r.finish(i.ctx, cmd, w, e)
		})
	})
}

// finish passes the output on and turns the end of the program into ours.
func (r *remote) finish(ctx context.Context, cmd *cobra.Command, w *workshop, e *client.Execution) error {
	var missing error
	if !r.json {
		var err error
		if missing, err = pour(e, cmd.OutOrStdout(), cmd.ErrOrStderr()); err != nil {
			return err
		}
	}
	result, err := e.Wait(ctx)
	if err != nil {
		return err
	}
	if r.json {
		if err := printJSON(cmd.OutOrStdout(), execution{w.session.SessionID, w.session.RuntimeType, result}); err != nil {
			return err
		}
	}
	return quietly(r.json, endOf(missing, result))
}

// quietly drops what JSON has said already.
func quietly(json bool, err error) error {
	var exit *exitError
	if json && errors.As(err, &exit) {
		return &exitError{code: exit.code}
	}
	return err
}

// execution is what exec and run print with --json: the protocol's result of
// session.execute, and where it was.
type execution struct {
	SessionID   string `json:"sessionId"`
	RuntimeType string `json:"runtimeType"`
	*protocol.ExecuteResult
}

func printJSON(to io.Writer, v any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// pour writes the output as it comes. missing tells of output that was lost.
func pour(e *client.Execution, stdout, stderr io.Writer) (missing, err error) {
	for o, err := range e.Output() {
		var gap *client.GapError
		if errors.As(err, &gap) {
			missing = gap
			fmt.Fprintf(stderr, "codebeaker: %v\n", gap)
			continue
		}
		if err != nil {
			return missing, err
		}
		to := stdout
		if o.Stream == client.Stderr {
			to = stderr
		}
		if _, err := to.Write(o.Data); err != nil {
			return missing, readerGone(err)
		}
	}
	return missing, nil
}

// readerGone is the end of a pipe whose reader has left, as a shell sees it.
func readerGone(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &exitError{code: exitSignal + int(syscall.SIGPIPE)}
	}
	return err
}

// feed gives the program its input to the end. It need not end: the process
// does.
func feed(e *client.Execution, from io.Reader) {
	_, err := io.Copy(e, from)
	if err == nil {
		err = e.CloseInput()
	}
	if err != nil && !errors.Is(err, client.ErrInputClosed) {
		fmt.Fprintf(os.Stderr, "codebeaker: input: %v\n", err)
		_ = e.CloseInput()
	}
}

// terminal reports whether somebody types.
func terminal(input any) bool {
	f, ok := input.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func runCommand() *cobra.Command {
	var r remote
	var language, output string
	var notebook bool
	cmd := &cobra.Command{
		Use: "run FILE [ARG...]", Short: "Run a source file, or a notebook, in a session",
		Long: "Copy FILE into a fresh session of its language, which its suffix names, and run it there.\n" +
			"Output, input, signals and exit codes are those of `codebeaker exec`.\n\n" +
			"A notebook (.ipynb) is run cell by cell, and a copy with the outputs is written beside it. The first\n" +
			"exception ends it with exit code 1; --timeout is that of each cell.",
		Example: "  codebeaker run hello.py\n  codebeaker run --runtime Deno hello.ts one two\n  codebeaker run --output done.ipynb analysis.ipynb",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if notebook || filepath.Ext(args[0]) == ".ipynb" {
				if len(args) > 1 {
					return ours(errors.New("a notebook takes no arguments"))
				}
				return ours(r.notebook(cmd, language, args[0], output))
			}
			if output != "" {
				return ours(errors.New("--output is for notebooks"))
			}
			return ours(r.runFile(cmd, language, args[0], args[1:]))
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows FILE is the program's
	cmd.Flags().StringVar(&language, "language", "", "language of FILE; empty goes by its suffix, or what the notebook says")
	cmd.Flags().BoolVar(&notebook, "notebook", false, "FILE is a notebook whatever its suffix")
	cmd.Flags().StringVar(&output, "output", "", "where the copy of a notebook goes; empty is FILE.executed.ipynb beside it")
	r.addServerFlags(cmd)
	r.addSessionFlags(cmd)
	return cmd
}

func (r *remote) runFile(cmd *cobra.Command, language, file string, args []string) error {
	if language == "" {
		l, ok := runtimes.LanguageOfSuffix(filepath.Ext(file))
		if !ok {
			return fmt.Errorf("%s: the suffix names no language: give --language", file)
		}
		language = l.String()
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	name := filepath.Base(file)
	var line []string
	upload := func(ctx context.Context, w *workshop) error {
		if line, err = runLine(w.session, name); err != nil {
			return err
		}
		return w.upload(ctx, name, content)
	}
	return r.exec(cmd, language, upload, func(*workshop) *protocol.ExecuteShell {
		line := append(line, args...)
		return client.Program(line[0], line[1:]...)
	})
}

// runLine is how a file is run in a session.
func runLine(s *protocol.Session, file string) ([]string, error) {
	language, known := runtimes.ParseLanguage(s.Language)
	if !known {
		return nil, fmt.Errorf("this program does not know how files of the language %q are run: use codebeaker exec", s.Language)
	}
	kind, _ := runtimes.ParseType(s.RuntimeType)
	return language.RunLine(kind, file), nil
}

// upload writes a file into the workspace.
func (w *workshop) upload(ctx context.Context, name string, content []byte) error {
	write := client.WriteText(name, string(content))
	if !utf8.Valid(content) {
		write = client.WriteText(name, base64.StdEncoding.EncodeToString(content))
		write.Encoding = protocol.Base64
	}
	r, err := w.Exec(ctx, w.session.SessionID, write)
	if err == nil && !r.Success {
		err = fmt.Errorf("write %s: %s", name, *r.Error)
	}
	return err
}
