package workload

import (
	"context"
	"fmt"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Size is that of a file.
type Size struct {
	Name  string
	Bytes int
}

var sizes = []Size{{"1 KB", 1 << 10}, {"1 MB", 1 << 20}}

// Sizes returns those that are measured. The caller must not change the slice.
func Sizes() []Size { return sizes }

// Content is a file of that size, of lines of text.
func (s Size) Content() string { return strings.Repeat("0123456789abcde\n", s.Bytes/16) }

// files writes a file, reads, lists and copies it, and deletes the copy.
func (m *maker) files(name, language string, size Size) {
	if !m.wants(Write, Read, List, Copy, Delete) {
		return
	}
	f := &fileTask{client: m.Client, session: m.sessions.of(name, language), content: size.Content()}
	for _, scenario := range []string{Write, Read, List, Copy, Delete} {
		f.series = append(f.series, series(scenario, size.Name, name, ""))
	}
	m.cheap(measure.Task{Name: "files of " + size.Name + " in " + name, Series: f.series,
		Open: f.open, Once: f.once, Close: f.session.close})
}

// fileTask is the task of files.
type fileTask struct {
	client  *client.Client
	session *session
	content string
	dir     string
	series  []*result.Series
}

// open makes a directory of its own, so that a listing holds one file.
func (f *fileTask) open(ctx context.Context) error {
	if err := f.session.open(ctx); err != nil {
		return err
	}
	f.dir = fmt.Sprintf("files-%d", len(f.content))
	_, err := command[*protocol.PathResult](ctx, f.client, f.session.id, &protocol.CreateDirectory{Path: &f.dir})
	return err
}

func (f *fileTask) once(ctx context.Context, c *measure.Clock) error {
	for i, step := range []struct{ do, check func(context.Context) error }{
		{f.write, f.read}, {f.read, nothing}, {f.list, nothing}, {f.copy, f.readCopy}, {f.delete, f.list},
	} {
		err := c.Time(f.series[i], func() error { return step.do(ctx) }, func() error { return step.check(ctx) })
		if err != nil {
			return err
		}
	}
	return nil
}

// nothing is the check of an operation whose answer tells all.
func nothing(context.Context) error { return nil }

func (f *fileTask) path() string { return f.dir + "/file" }

func (f *fileTask) write(ctx context.Context) error {
	r, err := command[*protocol.FileWritten](ctx, f.client, f.session.id, client.WriteText(f.path(), f.content))
	if err != nil {
		return err
	}
	return want(fmt.Sprint(r.Bytes), fmt.Sprint(len(f.content)))
}

func (f *fileTask) read(ctx context.Context) error { return f.holds(ctx, f.path()) }

func (f *fileTask) readCopy(ctx context.Context) error { return f.holds(ctx, f.path()+".copy") }

// holds reads a file and compares its content.
func (f *fileTask) holds(ctx context.Context, path string) error {
	r, err := command[*protocol.FileContent](ctx, f.client, f.session.id, client.Read(path))
	if err != nil {
		return err
	}
	return want(r.Content, f.content)
}

func (f *fileTask) list(ctx context.Context) error {
	r, err := command[*protocol.Listing](ctx, f.client, f.session.id, &protocol.ListDirectory{Path: &f.dir})
	if err != nil {
		return err
	}
	got := ""
	for _, e := range r.Entries {
		got += fmt.Sprintln(e.Name, e.Size)
	}
	return want(got, fmt.Sprintln("file", len(f.content)))
}

func (f *fileTask) copy(ctx context.Context) error {
	from, to := f.path(), f.path()+".copy"
	r, err := command[*protocol.FileCopied](ctx, f.client, f.session.id, &protocol.CopyFile{SourcePath: &from, DestinationPath: &to})
	if err != nil {
		return err
	}
	return want(fmt.Sprint(r.Bytes), fmt.Sprint(len(f.content)))
}

func (f *fileTask) delete(ctx context.Context) error {
	path := f.path() + ".copy"
	_, err := command[*protocol.PathResult](ctx, f.client, f.session.id, &protocol.DeleteFile{Path: &path})
	return err
}
