package baseline

import (
	"context"
	"os"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
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

// verify compares what was read with what was written.
func (f *dockerFiles) verify() error {
	got, err := os.ReadFile(f.host + ".read")
	if err == nil && string(got) != f.size.Content() {
		err = &measure.WrongOutput{Got: string(got), Want: f.size.Content()}
	}
	return err
}
