package baseline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/codebeaker/codebeaker/bench/internal/leftover"
	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// dockerLife makes a container and removes it, and runs one program in a
// container that goes with it.
func (m *maker) dockerLife(language string) {
	image := images[language]
	if m.wants(workload.Create, workload.Close) {
		made := series(workload.Create, "", "docker run -d", result.Docker, "docker run -d "+image)
		removed := series(workload.Close, "", "docker rm -f", result.Docker, "docker rm -f")
		m.dear(measure.Task{Name: "docker run -d, docker rm -f", Series: []*result.Series{made, removed},
			Once: func(ctx context.Context, c *measure.Clock) error {
				name := newName()
				err := c.Time(made, func() error { _, err := docker(ctx, runArgs(name, image)...); return err })
				return errors.Join(err, c.Time(removed, func() error { return remove(ctx, name) }))
			}})
	}
	program, ok := workload.HelloOf("Docker", language)
	if !ok || !m.wants(workload.OneShot) {
		return
	}
	timed := series(workload.OneShot, language, "docker run --rm", result.Docker, "docker run --rm -v … "+image)
	dir := filepath.Join(m.Dir, "oneshot")
	args := append([]string{"run", "--rm"}, leftover.Labels()...)
	args = append(args, "--network", "none", "--volume", dir+":/workspace", "--workdir", "/workspace", image)
	args = append(args, program.Args...)
	m.dear(measure.Task{Name: "docker run --rm", Series: []*result.Series{timed},
		Open: func(context.Context) error {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, program.File), []byte(program.Source), 0o644)
		},
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(timed, func() error { out, err := docker(ctx, args...); return wantOutput(out, err, program.Output) })
		}})
}

// dockerTrue runs a program that does nothing, by the command and by the
// engine's interface.
func (m *maker) dockerTrue(d *container) {
	if !m.wants(workload.Execute) {
		return
	}
	command := series(workload.Execute, "", "docker exec", result.Docker, "docker exec CONTAINER true")
	m.dear(measure.Task{Name: "docker exec true", Series: []*result.Series{command}, Open: d.open, Close: d.close,
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(command, func() error { out, err := d.exec(ctx, "true"); return wantOutput(out, err, "") })
		}})
	engine, err := newEngine()
	if err != nil {
		m.lack(workload.Execute, "", "exec by API", result.Beside, err.Error())
		return
	}
	direct := series(workload.Execute, "", "exec by API", result.Beside, "create, start and inspect an exec over the engine's socket")
	m.dear(measure.Task{Name: "exec by the engine's interface", Series: []*result.Series{direct}, Open: d.open,
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(direct, func() error { return engine.exec(ctx, d.name, "true") })
		},
		Close: func(context.Context) error { engine.close(); return nil }})
}

// dockerHello runs the hello of a language by docker exec.
func (m *maker) dockerHello(d *container, language string) {
	program, ok := workload.HelloOf("Docker", language)
	if !ok || !m.wants(workload.Hello) {
		return
	}
	timed := series(workload.Hello, language, "docker exec", result.Docker, "docker exec CONTAINER "+program.Args[0])
	m.dear(measure.Task{Name: language + " by docker exec", Series: []*result.Series{timed}, Close: d.close,
		Count: m.Effort.For(language),
		Open: func(ctx context.Context) error {
			if err := d.open(ctx); err != nil {
				return err
			}
			file := filepath.Join(m.Dir, "docker-"+program.File)
			if err := os.WriteFile(file, []byte(program.Source), 0o644); err != nil {
				return err
			}
			_, err := docker(ctx, "cp", file, d.name+":/tmp/"+program.File)
			return err
		},
		Once: func(ctx context.Context, c *measure.Clock) error {
			args := append([]string{"exec", "--workdir", "/tmp", d.name}, program.Args...)
			return c.Time(timed, func() error { out, err := docker(ctx, args...); return wantOutput(out, err, program.Output) })
		}})
}

// dockerFiles copies a file in and out by docker cp, and lists, copies and
// deletes by docker exec.
func (m *maker) dockerFiles(d *container, size workload.Size) {
	if !m.wants(fileScenarios...) {
		return
	}
	f := &dockerFiles{container: d, host: filepath.Join(m.Dir, fmt.Sprint("cp-", size.Bytes)), size: size,
		dir: fmt.Sprint("/tmp/files-", size.Bytes)}
	var all []*result.Series
	for i, scenario := range fileScenarios {
		subject := "docker cp"
		if i > 1 {
			subject = "docker exec"
		}
		all = append(all, series(scenario, size.Name, subject, result.Docker, ""))
	}
	m.dear(measure.Task{Name: "files of " + size.Name + " by docker", Series: all, Open: f.open, Close: d.close,
		Once: func(ctx context.Context, c *measure.Clock) error {
			for i, step := range f.steps() {
				err := c.Time(all[i], func() error { return step.do(ctx) }, func() error { return step.check(ctx) })
				if err != nil {
					return err
				}
			}
			return nil
		}})
}
