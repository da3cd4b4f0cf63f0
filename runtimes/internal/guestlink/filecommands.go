package guestlink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// WriteFile: see runtimes.Workspace.
func (f *files) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	content := cmd.Content
	cmd.Content = nil
	c, err := f.call(ctx, "WriteFile", cmd.Path, cmd, content, 0)
	if err != nil {
		return 0, err
	}
	return c.reply.Bytes, nil
}

// ReadFile: see runtimes.Workspace.
func (f *files) ReadFile(ctx context.Context, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	c, err := f.call(ctx, "ReadFile", cmd.Path, cmd, nil, runtimes.MaxRead)
	if err != nil {
		return runtimes.FileContent{}, err
	}
	return runtimes.FileContent{Content: c.body, Size: c.reply.Bytes, Truncated: c.reply.Truncated}, nil
}

// CreateDirectory: see runtimes.Workspace.
func (f *files) CreateDirectory(ctx context.Context, cmd runtimes.CreateDirectory) error {
	_, err := f.call(ctx, "CreateDirectory", cmd.Path, cmd, nil, 0)
	return err
}

// CopyFile: see runtimes.Workspace.
func (f *files) CopyFile(ctx context.Context, cmd runtimes.CopyFile) (int64, error) {
	c, err := f.call(ctx, "CopyFile", cmd.Source, cmd, nil, 0)
	if err != nil {
		return 0, named(err, c, cmd.Destination)
	}
	return c.reply.Bytes, nil
}

// MoveFile: see runtimes.Workspace.
func (f *files) MoveFile(ctx context.Context, cmd runtimes.MoveFile) error {
	c, err := f.call(ctx, "MoveFile", cmd.Source, cmd, nil, 0)
	return named(err, c, cmd.Destination)
}

// named makes an error name the destination where the agent says that it is
// about that one.
func named(err error, c *fileCall, destination string) error {
	var fileErr *runtimes.FileError
	if c != nil && c.reply.Second && errors.As(err, &fileErr) {
		fileErr.Path = destination
	}
	return err
}

// DeleteFile: see runtimes.Workspace.
func (f *files) DeleteFile(ctx context.Context, cmd runtimes.DeleteFile) error {
	_, err := f.call(ctx, "DeleteFile", cmd.Path, cmd, nil, 0)
	return err
}

// ListDirectory: see runtimes.Workspace.
func (f *files) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	c, err := f.call(ctx, "ListDirectory", cmd.Path, cmd, nil, maxListing)
	if err != nil {
		return runtimes.Listing{}, err
	}
	listing := runtimes.Listing{Truncated: c.reply.Truncated}
	for entries := json.NewDecoder(bytes.NewReader(c.body)); ; {
		var e frame.FileEntry
		err := entries.Decode(&e)
		if errors.Is(err, io.EOF) {
			return listing, nil
		}
		if err != nil {
			return runtimes.Listing{}, protocolError("FileEntry: %v", err)
		}
		listing.Entries = append(listing.Entries, runtimes.Entry{
			Name: string(e.Name), Path: string(e.Path), Type: runtimes.EntryType(e.Type),
			Size: e.Size, Mode: e.Mode, ModifiedAt: e.ModifiedAt,
		})
	}
}
