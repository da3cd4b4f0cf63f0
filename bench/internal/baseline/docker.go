package baseline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os/exec"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/leftover"
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
	args := append([]string{"run", "--detach", "--name", name}, leftover.Labels()...)
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
