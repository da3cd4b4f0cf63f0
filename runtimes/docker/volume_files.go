package docker

import (
	"context"

	"github.com/codebeaker/codebeaker/runtimes"
)

var _ runtimes.Workspace = (*volumeWorkspace)(nil)

// WriteFile writes by the agent.
func (w *volumeWorkspace) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	return asked(w, func(files runtimes.Workspace) (int64, error) { return files.WriteFile(ctx, cmd) })
}

// ReadFile reads by the agent.
func (w *volumeWorkspace) ReadFile(ctx context.Context, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	return asked(w, func(files runtimes.Workspace) (runtimes.FileContent, error) { return files.ReadFile(ctx, cmd) })
}

// CreateDirectory makes a directory by the agent.
func (w *volumeWorkspace) CreateDirectory(ctx context.Context, cmd runtimes.CreateDirectory) error {
	return told(w, func(files runtimes.Workspace) error { return files.CreateDirectory(ctx, cmd) })
}

// CopyFile copies by the agent.
func (w *volumeWorkspace) CopyFile(ctx context.Context, cmd runtimes.CopyFile) (int64, error) {
	return asked(w, func(files runtimes.Workspace) (int64, error) { return files.CopyFile(ctx, cmd) })
}

// MoveFile moves by the agent.
func (w *volumeWorkspace) MoveFile(ctx context.Context, cmd runtimes.MoveFile) error {
	return told(w, func(files runtimes.Workspace) error { return files.MoveFile(ctx, cmd) })
}

// DeleteFile deletes by the agent.
func (w *volumeWorkspace) DeleteFile(ctx context.Context, cmd runtimes.DeleteFile) error {
	return told(w, func(files runtimes.Workspace) error { return files.DeleteFile(ctx, cmd) })
}

// ListDirectory lists by the agent.
func (w *volumeWorkspace) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	return asked(w, func(files runtimes.Workspace) (runtimes.Listing, error) { return files.ListDirectory(ctx, cmd) })
}

// asked carries out a command with a result by the present agent.
func asked[T any](w *volumeWorkspace, command func(runtimes.Workspace) (T, error)) (T, error) {
	files, err := w.agent()
	if err != nil {
		var none T
		return none, err
	}
	return command(files)
}

func told(w *volumeWorkspace, command func(runtimes.Workspace) error) error {
	files, err := w.agent()
	if err != nil {
		return err
	}
	return command(files)
}
