package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// loginShell is the best shell that the session has.
const loginShell = `command -v bash >/dev/null && exec bash; exec sh`

func shellCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use: "shell LANG [-- CMD [ARG...]]", Short: "Open a terminal in a session",
		Long: "Open a shell, or CMD, on a terminal in a fresh session of LANG. The session ends with it;\n" +
			"one of --session stays, and the program is killed there when the terminal goes.\n" +
			"Exit codes are those of `codebeaker exec`.",
		Example: "  codebeaker shell python\n  codebeaker shell python -- python3",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			command := client.Program("sh", "-c", loginShell)
			if len(args) > 1 {
				command = client.Program(args[1], args[2:]...)
			}
			return ours(r.shell(cmd, args[0], command))
		},
	}
	r.addServerFlags(cmd)
	r.addSessionFlags(cmd)
	_ = cmd.PersistentFlags().MarkHidden("json")
	return cmd
}

func (r *remote) shell(cmd *cobra.Command, language string, command *protocol.ExecuteShell) error {
	tty, ok := cmd.InOrStdin().(*os.File)
	if !ok || !terminal(tty) {
		return errors.New("shell needs a terminal: use `codebeaker exec` for pipes and files")
	}
	return r.within(cmd, language, func(i *interrupts, w *workshop) error {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s on %s, session %s\n", w.session.Language, w.session.RuntimeType, w.session.SessionID)
		cols, rows := size(tty)
		command.PTY = &protocol.PTY{Cols: &cols, Rows: &rows}
		if kind := os.Getenv("TERM"); kind != "" {
			command.Env = map[string]string{"TERM": kind}
		}
		return w.attend(i.ctx, r, command, func(e *client.Execution) error {
			return converse(i.ctx, e, tty, cmd.OutOrStdout())
		})
	})
}

// converse connects the two terminals until the program ends.
func converse(ctx context.Context, e *client.Execution, tty *os.File, to io.Writer) error {
	before, err := term.MakeRaw(int(tty.Fd()))
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(int(tty.Fd()), before) }()
	defer onResize(func() {
		cols, rows := size(tty)
		_ = e.Resize(ctx, int(cols), int(rows)) // here: the newest size is to be the last
	})()
	go typeInto(e, tty)
	missing, err := pour(e, to, to)
	if err != nil {
		return err
	}
	result, err := e.Wait(ctx)
	if err != nil {
		return err
	}
	return endOf(missing, result)
}

// typeInto passes on what is typed. A key whose connection broke may be lost;
// the next ones go on.
func typeInto(e *client.Execution, tty io.Reader) {
	for keys := make([]byte, 4096); ; {
		n, err := tty.Read(keys)
		if err != nil {
			return
		}
		if _, err := e.Write(keys[:n]); err != nil && !errors.Is(err, client.ErrConnectionLost) {
			return
		}
	}
}

// size is that of the terminal, within what the protocol takes.
func size(tty *os.File) (cols, rows int64) {
	w, h, err := term.GetSize(int(tty.Fd()))
	if err != nil || w <= 0 || h <= 0 {
		return 80, 24
	}
	return int64(min(w, 1000)), int64(min(h, 1000))
}
