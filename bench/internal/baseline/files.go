package baseline

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// fileScenarios are the operations on files, in the order in which they are
// done.
var fileScenarios = []string{workload.Write, workload.Read, workload.List, workload.Copy, workload.Delete}

// bareFiles does the operations by system calls of this process.
func (m *maker) bareFiles() {
	if !m.wants(fileScenarios...) {
		return
	}
	for _, size := range workload.Sizes() {
		f := &bareFiles{dir: filepath.Join(m.Dir, fmt.Sprint("files-", size.Bytes)), content: []byte(size.Content())}
		var all []*result.Series
		for _, scenario := range fileScenarios {
			all = append(all, series(scenario, size.Name, "system calls", result.Bare, ""))
		}
		m.cheap(measure.Task{Name: "files of " + size.Name + " by system calls", Series: all,
			Open: func(context.Context) error { return os.MkdirAll(f.dir, 0o755) },
			Once: func(_ context.Context, c *measure.Clock) error {
				for i, step := range []struct{ do, check func() error }{
					{f.write, f.read}, {f.read, nothing}, {f.list, nothing}, {f.copy, f.readCopy}, {f.delete, f.list},
				} {
					if err := c.Time(all[i], step.do, step.check); err != nil {
						return err
					}
				}
				return nil
			}})
	}
}

// bareFiles are the operations in one directory.
type bareFiles struct {
	dir     string
	content []byte
}

func (f *bareFiles) path() string { return filepath.Join(f.dir, "file") }

func (f *bareFiles) write() error { return os.WriteFile(f.path(), f.content, 0o600) }

func (f *bareFiles) read() error { return f.holds(f.path()) }

func (f *bareFiles) readCopy() error { return f.holds(f.path() + ".copy") }

// nothing is the check of an operation whose answer tells all.
func nothing() error { return nil }

// holds reads a file and compares its content.
func (f *bareFiles) holds(path string) error {
	got, err := os.ReadFile(path)
	if err == nil && string(got) != string(f.content) {
		err = &measure.WrongOutput{Got: string(got), Want: string(f.content)}
	}
	return err
}

func (f *bareFiles) list() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	got := ""
	for _, e := range entries {
		info, err := e.Info() // the product tells sizes and times too
		if err != nil {
			return err
		}
		got += fmt.Sprintln(e.Name(), info.Size(), info.ModTime().After(time.Time{}))
	}
	if want := fmt.Sprintln("file", len(f.content), true); got != want {
		return &measure.WrongOutput{Got: got, Want: want}
	}
	return nil
}

func (f *bareFiles) copy() error {
	from, err := os.Open(f.path())
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(f.path() + ".copy")
	if err != nil {
		return err
	}
	n, err := io.Copy(to, from)
	if closed := to.Close(); err == nil {
		err = closed
	}
	if err == nil && n != int64(len(f.content)) {
		err = &measure.WrongOutput{Got: fmt.Sprint(n), Want: fmt.Sprint(len(f.content))}
	}
	return err
}

func (f *bareFiles) delete() error { return os.Remove(f.path() + ".copy") }
