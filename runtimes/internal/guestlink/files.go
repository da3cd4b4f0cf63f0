package guestlink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// fileTimeout bounds one file command. A tree of gigabytes may be copied.
const fileTimeout = 2 * time.Minute

// maxListing bounds the answer to a ListDirectory, in bytes of JSON.
const maxListing = 64 << 20

// Files are the file commands that the agent runs on its workspace, one
// after another. They are for engines that do not see the server's
// directories; it needs Hello.Files.
func (l *Link) Files() runtimes.Workspace { return &files{link: l, turn: make(chan struct{}, 1)} }

type files struct {
	link *Link
	turn chan struct{} // held by the command under way
}

// fileCall is one that waits for its answer. Only the link's reader changes it
// until done is closed.
type fileCall struct {
	limit   int // of the body, in bytes
	replied bool
	reply   frame.FileReply
	body    []byte
	done    chan struct{}
}

// Close does nothing: the workspace belongs to the engine.
func (*files) Close() error { return nil }

// call runs a command. The path is what errors name.
func (f *files) call(ctx context.Context, command, path string, arguments runtimes.FileCommand, content []byte, limit int) (*fileCall, error) {
	payload, err := callPayload(command, arguments)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // select would take either way
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c := &fileCall{limit: limit, done: make(chan struct{})}
	number, ok := f.link.registerCall(c)
	if !ok {
		<-f.turn
		return nil, runtimes.ErrEnvironmentLost
	}
	go f.watch(c)
	f.link.writer.send(frame.Header{Kind: frame.KindFileCall, Execution: number}, payload)
	f.link.writer.sendBody(number, content)
	select {
	case <-c.done:
	case <-f.link.done:
		return nil, runtimes.ErrEnvironmentLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return c, c.err(path)
}

func callPayload(command string, arguments runtimes.FileCommand) ([]byte, error) {
	raw, err := json.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	call := frame.FileCall{Command: command, Arguments: raw}
	paths := runtimes.PathsOf(arguments)
	if slices.ContainsFunc(paths, func(p *string) bool { return !utf8.ValidString(*p) }) {
		for _, p := range paths {
			call.Paths = append(call.Paths, []byte(*p))
		}
	}
	return json.Marshal(call)
}

// watch gives the turn to the next when the agent has answered, also where
// nobody waits for the answer any more.
func (f *files) watch(c *fileCall) {
	late := time.NewTimer(fileTimeout)
	defer late.Stop()
	select {
	case <-c.done:
	case <-f.link.done:
	case <-late.C:
		f.link.fail(protocolError("no answer to a file command for %v", fileTimeout))
	}
	<-f.turn
}

func (l *Link) registerCall(c *fileCall) (number uint32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, false
	}
	l.lastCall++
	l.call = c
	return l.lastCall, true
}

// answered takes a FileReply or a Body frame.
func (l *Link) answered(h frame.Header, payload []byte) error {
	l.mu.Lock()
	c := l.call
	current := h.Execution == l.lastCall
	l.mu.Unlock()
	if c == nil || !current || c.replied != (h.Kind == frame.KindBody) {
		return protocolError("%v without a question", h.Kind)
	}
	if h.Kind == frame.KindFileReply {
		c.replied = true
		if err := json.Unmarshal(payload, &c.reply); err != nil {
			return protocolError("FileReply: %v", err)
		}
		return nil
	}
	if len(c.body)+len(payload) > c.limit {
		return protocolError("an answer of more than %d bytes", c.limit)
	}
	c.body = append(c.body, payload...)
	if len(payload) == 0 {
		l.mu.Lock()
		l.call = nil
		l.mu.Unlock()
		close(c.done)
	}
	return nil
}

// err is the answer's error. The path is the caller's own, never the agent's.
func (c *fileCall) err(path string) error {
	switch message := sentence([]byte(c.reply.Message)); {
	case c.reply.Code != "":
		return &runtimes.FileError{Code: runtimes.FileCode(sentence([]byte(c.reply.Code))), Path: path, Message: message}
	case message != "":
		return fmt.Errorf("the agent could not carry out a file command: %s", message)
	}
	return nil
}

// WriteFile: see runtimes.Workspace.
func (f *files) WriteFile(ctx context.Context, cmd runtimes.WriteFile) (int64, error) {
	content := cmd.Content
	cmd.Content = nil
	c, err := f.call(ctx, "WriteFile", cmd.Path, &cmd, content, 0)
	if err != nil {
		return 0, err
	}
	return c.reply.Bytes, nil
}

// ReadFile: see runtimes.Workspace.
func (f *files) ReadFile(ctx context.Context, cmd runtimes.ReadFile) (runtimes.FileContent, error) {
	c, err := f.call(ctx, "ReadFile", cmd.Path, &cmd, nil, runtimes.MaxRead)
	if err != nil {
		return runtimes.FileContent{}, err
	}
	return runtimes.FileContent{Content: c.body, Size: c.reply.Bytes, Truncated: c.reply.Truncated}, nil
}

// CreateDirectory: see runtimes.Workspace.
func (f *files) CreateDirectory(ctx context.Context, cmd runtimes.CreateDirectory) error {
	_, err := f.call(ctx, "CreateDirectory", cmd.Path, &cmd, nil, 0)
	return err
}

// CopyFile: see runtimes.Workspace.
func (f *files) CopyFile(ctx context.Context, cmd runtimes.CopyFile) (int64, error) {
	c, err := f.call(ctx, "CopyFile", cmd.Source, &cmd, nil, 0)
	if err != nil {
		return 0, named(err, c, cmd.Destination)
	}
	return c.reply.Bytes, nil
}

// MoveFile: see runtimes.Workspace.
func (f *files) MoveFile(ctx context.Context, cmd runtimes.MoveFile) error {
	c, err := f.call(ctx, "MoveFile", cmd.Source, &cmd, nil, 0)
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
	_, err := f.call(ctx, "DeleteFile", cmd.Path, &cmd, nil, 0)
	return err
}

// ListDirectory: see runtimes.Workspace.
func (f *files) ListDirectory(ctx context.Context, cmd runtimes.ListDirectory) (runtimes.Listing, error) {
	c, err := f.call(ctx, "ListDirectory", cmd.Path, &cmd, nil, maxListing)
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
