package baseline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
	"github.com/codebeaker/codebeaker/runtimes"
)

// images are those of the languages, as the server uses them.
var images = imagesOf(runtimes.Languages())

func imagesOf(languages []runtimes.Language) map[string]string {
	images := make(map[string]string)
	for _, l := range languages {
		if image := l.ImageName("latest"); image != "" {
			images[l.String()] = image
		}
	}
	return images
}

// docker measures the docker command.
func (m *maker) docker() {
	if !m.Docker {
		return
	}
	if _, err := exec.LookPath("docker"); err != nil {
		m.lack(workload.Create, "", "docker run", result.Docker, "there is no docker command on PATH")
		return
	}
	language := m.sharedLanguage()
	if language == "" {
		return
	}
	shared := map[string]*container{} // by image
	for _, image := range images {
		shared[image] = &container{image: image}
	}
	m.dockerLife(language)
	m.dockerTrue(shared[images[language]])
	for _, size := range workload.Sizes() {
		m.dockerFiles(shared[images[language]], size)
	}
	for _, language := range m.Languages {
		m.dockerHello(shared[images[language]], language)
	}
}

// sharedLanguage is the one in which runtimes are compared, when it is among
// the wanted.
func (m *maker) sharedLanguage() string {
	for _, language := range m.Languages {
		if language == "javascript" {
			return language
		}
	}
	if len(m.Languages) > 0 {
		return m.Languages[0]
	}
	return ""
}

// container is one that lives while a task runs.
type container struct {
	image, name string
	err         error
}

// runArgs are those of every container of the baselines: it waits, without a
// network, as a session does.
func runArgs(name, image string) []string {
	args := append([]string{"run", "--detach", "--name", name}, local.Labels()...)
	return append(args, "--network", "none", image, "sleep", "infinity")
}

func newName() string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // it never fails
	return "codebeaker-bench-" + hex.EncodeToString(random[:])
}

// open starts the container unless it runs.
func (d *container) open(ctx context.Context) error {
	if d.name == "" && d.err == nil {
		name := newName()
		if _, d.err = docker(ctx, runArgs(name, d.image)...); d.err == nil {
			d.name = name
		} else {
			_ = remove(context.WithoutCancel(ctx), name) // it may have been made and not started
		}
	}
	return d.err
}

func (d *container) close(ctx context.Context) error {
	if d.name == "" {
		return nil
	}
	name := d.name
	d.name = ""
	return remove(ctx, name)
}

// exec runs a program in it by the command and returns what it printed.
func (d *container) exec(ctx context.Context, args ...string) (string, error) {
	return docker(ctx, append([]string{"exec", d.name}, args...)...)
}

// docker runs the command and returns what it printed.
func docker(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = errors.New("docker " + args[0] + ": " + strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

func remove(ctx context.Context, name string) error {
	_, err := docker(ctx, "rm", "--force", name)
	return err
}

func wantOutput(got string, err error, want string) error {
	if err == nil && got != want {
		err = &measure.WrongOutput{Got: got, Want: want}
	}
	return err
}

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
	args := append([]string{"run", "--rm"}, local.Labels()...)
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
