package baseline

import (
	"context"
	"errors"
	"os"

	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// dockerFiles are the operations on files of a container.
type dockerFiles struct {
	*container
	host string // file on this side
	dir  string // in the container
	size workload.Size
}

func (f *dockerFiles) open(ctx context.Context) error {
	if err := f.container.open(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(f.host, []byte(f.size.Content()), 0o644); err != nil {
		return err
	}
	_, err := f.exec(ctx, "mkdir", "-p", f.dir)
	return err
}

// step is an operation, and what looks at what it did.
type step struct{ do, check func(context.Context) error }

func (f *dockerFiles) steps() []step {
	quiet := func(context.Context) error { return nil } // the answer tells all
	return []step{
		{f.write, func(ctx context.Context) error { return f.holds(ctx, "file") }},
		{f.read, f.came},
		{f.list, quiet},
		{f.copy, func(ctx context.Context) error { return f.holds(ctx, "file.copy") }},
		{f.delete, f.list},
	}
}

// holds compares the content of a file in the container.
func (f *dockerFiles) holds(ctx context.Context, name string) error {
	out, err := f.exec(ctx, "cat", f.dir+"/"+name)
	return wantOutput(out, err, f.size.Content())
}

func (f *dockerFiles) write(ctx context.Context) error {
	_, err := docker(ctx, "cp", f.host, f.name+":"+f.dir+"/file")
	return err
}

func (f *dockerFiles) read(ctx context.Context) error {
	_, err := docker(ctx, "cp", f.name+":"+f.dir+"/file", f.host+".read")
	return err
}

func (f *dockerFiles) list(ctx context.Context) error {
	out, err := f.exec(ctx, "ls", f.dir)
	return wantOutput(out, err, "file\n")
}

func (f *dockerFiles) copy(ctx context.Context) error {
	_, err := f.exec(ctx, "cp", f.dir+"/file", f.dir+"/file.copy")
	return err
}

func (f *dockerFiles) delete(ctx context.Context) error {
	_, err := f.exec(ctx, "rm", f.dir+"/file.copy")
	return err
}

// came compares what was read, and removes it, so that the next is looked at for
// itself.
func (f *dockerFiles) came(context.Context) error {
	got, err := os.ReadFile(f.host + ".read")
	return errors.Join(wantOutput(string(got), err, f.size.Content()), os.Remove(f.host+".read"))
}
