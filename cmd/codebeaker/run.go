package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// languageOf is the language of a file's name by its suffix.
var languageOf = map[string]runtimes.Language{
	".js": runtimes.JavaScript, ".mjs": runtimes.JavaScript, ".cjs": runtimes.JavaScript,
	".ts": runtimes.TypeScript, ".mts": runtimes.TypeScript,
	".py": runtimes.Python, ".go": runtimes.Go, ".cs": runtimes.CSharp,
}

func runCommand() *cobra.Command {
	var r remote
	var language string
	cmd := &cobra.Command{
		Use: "run FILE [ARG...]", Short: "Run a source file in a session",
		Long: "Copy FILE into a fresh session of its language, which its suffix names, and run it there.\n" +
			"Output, input, signals and exit codes are those of `codebeaker exec`.",
		Example: "  codebeaker run hello.py\n  codebeaker run --runtime Deno hello.ts one two",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ours(r.runFile(cmd, language, args[0], args[1:]))
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows FILE is the program's
	cmd.Flags().StringVar(&language, "language", "", "language of FILE; empty goes by its suffix")
	r.addServerFlags(cmd)
	r.addSessionFlags(cmd)
	return cmd
}

func (r *remote) runFile(cmd *cobra.Command, language, file string, args []string) error {
	if language == "" {
		l, ok := languageOf[strings.ToLower(filepath.Ext(file))]
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
	upload := func(ctx context.Context, w *workshop) error { return w.upload(ctx, name, content) }
	return r.exec(cmd, language, upload, func(w *workshop) *protocol.ExecuteShell {
		line := append(sourceCommand(w.session.Language, w.session.RuntimeType, name), args...)
		return client.Program(line[0], line[1:]...)
	})
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

// runCSharp is for the toolchain that the image has: Mono or .NET.
const runCSharp = `f=$1; shift
if command -v mcs >/dev/null; then mcs -out:/tmp/program.exe "$f" && exec mono /tmp/program.exe "$@"
else exec dotnet run "$f" -- "$@"; fi`

// sourceCommand is how a file is run (protocol, section 6).
func sourceCommand(language, runtime, file string) []string {
	switch language {
	case runtimes.Python.String():
		return []string{"python3", file}
	case runtimes.Go.String():
		return []string{"go", "run", file}
	case runtimes.CSharp.String():
		return []string{"sh", "-c", runCSharp, "sh", file}
	}
	switch runtime {
	case runtimes.Bun.String():
		return []string{"bun", file}
	case runtimes.Deno.String():
		return []string{"deno", "run", file}
	case runtimes.Docker.String():
		if language == runtimes.TypeScript.String() {
			return []string{"tsx", file}
		}
	}
	return []string{"node", file}
}
