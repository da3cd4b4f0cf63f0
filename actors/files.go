package actors

import (
	"context"
	"fmt"

	"github.com/codebeaker/codebeaker/runtimes"
)

// doFile carries out a file command on the workspace.
func doFile(ctx context.Context, w runtimes.Workspace, command any) (any, error) {
	switch c := command.(type) {
	case *runtimes.WriteFile:
		n, err := w.WriteFile(ctx, *c)
		return &FileWritten{n}, err
	case *runtimes.ReadFile:
		content, err := w.ReadFile(ctx, *c)
		return &content, err
	case *runtimes.CreateDirectory:
		return nil, w.CreateDirectory(ctx, *c)
	case *runtimes.CopyFile:
		n, err := w.CopyFile(ctx, *c)
		return &FileCopied{n}, err
	case *runtimes.MoveFile:
		return nil, w.MoveFile(ctx, *c)
	case *runtimes.DeleteFile:
		return nil, w.DeleteFile(ctx, *c)
	case *runtimes.ListDirectory:
		listing, err := w.ListDirectory(ctx, *c)
		return &listing, err
	}
	return nil, fmt.Errorf("%w: no such command: %T", ErrInternal, command)
}
