package baseline

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// ipykernelProgram is a client of Jupyter's kernel for Python: for each line that it
// reads, which is a cell, it prints a line with the cell's value. The line "restart"
// ends the kernel, starts another and waits for it.
//
//go:embed jupyter_cells.py
var ipykernelProgram string

const ipykernelSubject = "ipykernel"

// ipykernel runs cells in Jupyter's own kernel, over its ZeroMQ sockets.
func (m *maker) ipykernel() {
	if !m.wants(workload.Cell, workload.FirstCell) {
		return
	}
	const what = "execute by jupyter_client, until the kernel is idle"
	python, err := pythonWith("ipykernel", "jupyter_client")
	if err != nil {
		for _, scenario := range []string{workload.Cell, workload.FirstCell} {
			m.lack(scenario, "python", ipykernelSubject, result.Beside, err.Error())
		}
		return
	}
	if m.wants(workload.Cell) {
		k, next := &ipykernel{python: python}, series(workload.Cell, "python", ipykernelSubject, result.Beside, what)
		m.cheap(measure.Task{Name: "a cell in ipykernel", Series: []*result.Series{next}, Close: k.close,
			Open: func(context.Context) error {
				if err := k.open(); err != nil {
					return err
				}
				return k.cell("x = 41", "")
			},
			Once: func(_ context.Context, c *measure.Clock) error {
				return c.Time(next, func() error { return k.cell("x + 1", "42") })
			}})
	}
	if m.wants(workload.FirstCell) {
		k, first := &ipykernel{python: python}, series(workload.FirstCell, "python", ipykernelSubject, result.Beside, "restart, and "+what)
		m.dear(measure.Task{Name: "the first cell in ipykernel", Series: []*result.Series{first}, Close: k.close,
			Open: func(context.Context) error { return k.open() },
			Once: func(_ context.Context, c *measure.Clock) error {
				return c.Time(first, func() error {
					if err := k.cell("restart", ""); err != nil {
						return err
					}
					return k.cell("6 * 7", "42")
				})
			}})
	}
}

// pythonWith finds a Python that has the modules.
func pythonWith(modules ...string) (string, error) {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if path, err := exec.LookPath(name); err == nil && imports(path, modules) {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Python here has %s (Debian: python3-ipykernel)", strings.Join(modules, " and "))
}

func imports(python string, modules []string) bool {
	cmd := exec.Command(python, "-c", "import "+strings.Join(modules, ", "))
	cmd.Dir = os.TempDir()
	return cmd.Run() == nil
}

// ipykernel is the client's process.
type ipykernel struct {
	python string
	cmd    *exec.Cmd
	cells  io.WriteCloser
	values *bufio.Reader
}

// open starts the client and its kernel; one that did not start is an error of the
// first cell.
func (k *ipykernel) open() (err error) {
	k.cmd = exec.Command(k.python, "-c", ipykernelProgram)
	k.cmd.Dir, k.cmd.WaitDelay = os.TempDir(), time.Second // a file of the working directory may have the name of a module
	if k.cells, err = k.cmd.StdinPipe(); err != nil {
		return err
	}
	values, err := k.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	k.values = bufio.NewReader(values)
	return k.cmd.Start()
}

// cell runs a cell of one line and compares its value.
func (k *ipykernel) cell(code, value string) error {
	if _, err := io.WriteString(k.cells, code+"\n"); err != nil {
		return err
	}
	got, err := k.values.ReadString('\n')
	if err != nil {
		return fmt.Errorf("jupyter_client has ended: %w", err)
	}
	if got = strings.TrimSuffix(got, "\n"); got != value {
		return &measure.WrongOutput{Got: got, Want: value}
	}
	return nil
}

// close ends both: the client ends its kernel when its input ends.
func (k *ipykernel) close(context.Context) error {
	if k.cmd == nil || k.cmd.Process == nil {
		return nil
	}
	k.cells.Close()
	late := time.AfterFunc(10*time.Second, func() { _ = k.cmd.Process.Kill() })
	defer late.Stop()
	return k.cmd.Wait()
}
