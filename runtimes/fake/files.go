package fake

import (
	"context"
	"errors"
	"os"
	"sync"

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
