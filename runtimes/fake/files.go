package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// files is a workspace in a directory of its own, made at the first command,
// so that a benchmark of idle sessions pays for none.
type files struct {
	dir     string // that it is made in
	session string

	mu     sync.Mutex
	tree   *workspace.Tree
	made   string
	closed bool
}

var _ runtimes.Workspace = (*files)(nil)

var errClosed = errors.New("the workspace is closed")

// open makes the directory once.
func (f *files) open() (*workspace.Tree, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosed
	}
	if f.tree != nil {
		return f.tree, nil
	}
	made, err := os.MkdirTemp(f.dir, "codebeaker-fake-"+f.session+"-")
	if err != nil {
		return nil, err
	}
	tree, err := workspace.OpenTree(made, workspace.TreeOptions{})
	if err != nil {
		os.Remove(made)
		return nil, err
	}
	f.made, f.tree = made, tree
	return tree, nil
}

// Close removes the directory.
func (f *files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.tree == nil {
		return nil
	}
	err := errors.Join(f.tree.Close(), os.RemoveAll(f.made))
	f.tree = nil
	return err
}

// WriteFile is runtimes.Workspace's, as are the six below.
func (f *files) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	tree, err := f.open()
	if err != nil {
		return 0, err
	}
	return tree.WriteFile(ctx, cmd)
}

func (f *files) ReadFile(ctx context.Context, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	tree, err := f.open()
	if err != nil {
		return runtimes.FileContent{}, err
	}
	return tree.ReadFile(ctx, cmd)
}

func (f *files) CreateDirectory(ctx context.Context, cmd runtimes.CreateDirectory) error {
	tree, err := f.open()
	if err != nil {
		return err
	}
	return tree.CreateDirectory(ctx, cmd)
}

func (f *files) CopyFile(ctx context.Context, cmd runtimes.CopyFile) (int64, error) {
	tree, err := f.open()
	if err != nil {
		return 0, err
	}
	return tree.CopyFile(ctx, cmd)
}

func (f *files) MoveFile(ctx context.Context, cmd runtimes.MoveFile) error {
	tree, err := f.open()
	if err != nil {
		return err
	}
	return tree.MoveFile(ctx, cmd)
}

func (f *files) DeleteFile(ctx context.Context, cmd runtimes.DeleteFile) error {
	tree, err := f.open()
	if err != nil {
		return err
	}
	return tree.DeleteFile(ctx, cmd)
}

func (f *files) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	tree, err := f.open()
	if err != nil {
		return runtimes.Listing{}, err
	}
	return tree.ListDirectory(ctx, cmd)
}

// readFile, writeFile and removeFile work on the workspace, as programs do.
func readFile(r *Run) int {
	found, err := r.Workspace().ReadFile(context.Background(), runtimes.ReadFile{Path: r.Arg(0)})
	if err != nil {
		return complain(r, err)
	}
	if _, err := r.Stdout().Write(found.Content); err != nil {
		return 1
	}
	return 0
}

func writeFile(r *Run) int {
	cmd := runtimes.WriteFile{Path: r.Arg(0), Content: []byte(r.Arg(1))}
	if _, err := r.Workspace().WriteFile(context.Background(), cmd); err != nil {
		return complain(r, err)
	}
	return 0
}

func removeFile(r *Run) int {
	cmd := runtimes.DeleteFile{Path: r.Arg(0)}
	if err := r.Workspace().DeleteFile(context.Background(), cmd); err != nil {
		return complain(r, err)
	}
	return 0
}

func complain(r *Run, err error) int {
	fmt.Fprintln(r.Stderr(), err)
	return 1
}

// Program is what a command does; it returns the exit code. It must use its
// Run from one goroutine and return soon once Run.Killed is closed.
type Program func(r *Run) (code int)

// ErrKilled is what the calls of a Run give when the program was killed.
var ErrKilled = errors.New("the program was killed")

// Run is a program's view of its process.
type Run struct{ p *process }

// Args are the arguments after the name. They must not be changed.
func (r *Run) Args() []string { return r.p.cmd.Args }

// Arg is an argument by its number, "" when there is none.
func (r *Run) Arg(n int) string {
	if n < len(r.p.cmd.Args) {
		return r.p.cmd.Args[n]
	}
	return ""
}

// Env are the variables of the environment and those of the command, which
// replace them.
func (r *Run) Env() []string {
	own := r.p.cmd.Env
	env := slices.DeleteFunc(slices.Clone(r.p.env.variables()), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(own, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	})
	return append(env, own...)
}

// Dir is the working directory, an absolute path below /workspace.
func (r *Run) Dir() string {
	if r.p.cmd.Dir == "" {
		return runtimes.WorkspacePath
	}
	return runtimes.WorkspacePath + "/" + r.p.cmd.Dir
}

// Workspace is the session's, for programs that work on files.
func (r *Run) Workspace() runtimes.Workspace { return r.p.env.workspace }

// Read reads the standard input.
func (r *Run) Read(to []byte) (int, error) { return r.p.read(to) }

// Stdout is the standard output, or the terminal.
func (r *Run) Stdout() io.Writer { return writer{r.p, r.p.stream(runtimes.Stdout)} }

// Stderr is the standard error, or the terminal.
func (r *Run) Stderr() io.Writer { return writer{r.p, r.p.stream(runtimes.Stderr)} }

// Channel is the channel of a program that has one.
func (r *Run) Channel() io.ReadWriter { return channel{r.p} }

// channel is the program's end of the channel.
type channel struct{ p *process }

func (c channel) Read(to []byte) (int, error) { return c.p.channel.read(to) }

func (c channel) Write(data []byte) (int, error) {
	return writer{c.p, runtimes.Channel}.Write(data)
}

// Size is that of the terminal, zero without one.
func (r *Run) Size() runtimes.TerminalSize {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	return r.p.size
}

// Signals makes the program handle signals itself, from now on; SIGKILL is
// never among them.
func (r *Run) Signals() <-chan runtimes.Signal {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if r.p.signals == nil {
		r.p.signals = make(chan runtimes.Signal, 32)
	}
	return r.p.signals
}

// Killed is closed when a signal has ended the program.
func (r *Run) Killed() <-chan struct{} { return r.p.killed }

// Sleep waits for d, or less when the program is killed.
func (r *Run) Sleep(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.p.killed:
		return ErrKilled
	}
}

// Crash takes the whole environment down. The program should return.
func (r *Run) Crash() { r.p.env.crash() }
