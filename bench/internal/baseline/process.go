package baseline

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// bareProcesses runs the programs as processes of this one.
func (m *maker) bareProcesses() {
	m.bareTrue()
	for _, language := range m.Languages {
		for _, tool := range bareTools(language) {
			m.bareHello(language, tool)
		}
	}
}

// bareTrue runs a program that does nothing.
func (m *maker) bareTrue() {
	if !m.wants(workload.Execute) {
		return
	}
	if _, err := exec.LookPath("true"); err != nil {
		m.lack(workload.Execute, "", "bare process", result.Bare, "this system has no program true")
		return
	}
	timed := series(workload.Execute, "", "bare process", result.Bare, "true")
	m.cheap(measure.Task{Name: "true as a process", Series: []*result.Series{timed},
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(timed, func() error { return verify(exec.CommandContext(ctx, "true"), "") })
		}})
}

// bareTools are the runtimes whose tools run a language, the usual one first.
func bareTools(language string) []string {
	switch language {
	case "javascript":
		return []string{"Native", "Bun", "Deno"} // node, bun, deno
	case "typescript":
		return []string{"Bun", "Deno"}
	case "csharp":
		return nil // no host is expected to have it
	}
	return []string{"Native"}
}

// bareHello runs the hello of a language by the tool that a runtime uses. The
// usual tool is the reference of the ratios.
func (m *maker) bareHello(language, runtime string) {
	program, _ := workload.HelloOf(runtime, language)
	subject, class := "bare "+program.Args[0], result.Bare
	if runtime != bareTools(language)[0] {
		class = result.Beside
	}
	timed := series(workload.Hello, language, subject, class, strings.Join(program.Args, " "))
	all := []*result.Series{timed}
	if m.wants(workload.OneShot) && class == result.Bare && language == m.sharedLanguage() {
		all = append(all, series(workload.OneShot, language, subject, class, timed.What)) // the same times
	}
	if !m.wants(workload.Hello) {
		all = all[1:]
	}
	if len(all) == 0 {
		return
	}
	tool, err := m.lookup(program.Args[0])
	if err != nil {
		m.lack(workload.Hello, language, subject, class, program.Args[0]+" is not on this machine")
		return
	}
	dir := filepath.Join(m.Dir, "bare")
	m.dear(measure.Task{Name: language + " as a process", Series: all, Count: m.Effort.For(language),
		Open: func(context.Context) error {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, program.File), []byte(program.Source), 0o600)
		},
		Once: func(ctx context.Context, c *measure.Clock) error {
			cmd := exec.CommandContext(ctx, tool, program.Args[1:]...)
			cmd.Dir = dir
			start := time.Now()
			if err := verify(cmd, program.Output); err != nil {
				return err
			}
			took := time.Since(start)
			for _, s := range all {
				c.Give(s, took, 1)
			}
			return nil
		}})
}

// lookup finds a tool on PATH or in ToolsDir.
func (m *maker) lookup(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil && m.ToolsDir != "" {
		return exec.LookPath(filepath.Join(m.ToolsDir, name))
	}
	return path, err
}

// verify runs a program and compares what it prints.
func verify(cmd *exec.Cmd, prints string) error {
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(complaint.String()))
	}
	if string(out) != prints {
		return &measure.WrongOutput{Got: string(out), Want: prints}
	}
	return nil
}
