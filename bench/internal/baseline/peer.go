package baseline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// Peer is another engine.
type Peer interface {
	// Name is how the report names it.
	Name() string
	// Open prepares it for one program; dir is an empty directory.
	Open(ctx context.Context, p workload.Program, dir string) error
	// Run runs the program once, in an environment of its own, and returns what
	// it printed. A program that did not end well is an error.
	Run(ctx context.Context) (stdout string, err error)
	// Close frees what Open made.
	Close() error
}

// ParsePeer finds the engine that a user named: docker:IMAGE, or the address of an
// HTTP interface as go-judge has it, with or without its path /run.
func ParsePeer(text string) (Peer, error) {
	if image, ok := strings.CutPrefix(text, "docker:"); ok && image != "" {
		return &Docker{Image: image}, nil
	}
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return nil, fmt.Errorf("%q is not a peer: it must be docker:IMAGE or http://HOST:PORT of a go-judge", text)
	}
	if strings.Trim(address.Path, "/") == "" {
		address.Path = "/run"
	}
	return &HTTP{URL: address.String()}, nil
}

// PeerTask measures an engine by the same scenario that sessions are measured by:
// one program, from nothing to nothing.
func PeerTask(e Peer, language string, p workload.Program, dir string, effort workload.Effort) *measure.Task {
	timed := &result.Series{
		Scenario: workload.OneShot, Variant: language, Subject: e.Name(), Baseline: result.Beside, What: "one program",
	}
	return effort.DearTask(measure.Task{
		Name: "peer " + e.Name(), Series: []*result.Series{timed},
		Open: func(ctx context.Context) error { return e.Open(ctx, p, dir) },
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(timed, func() error {
				out, err := e.Run(ctx)
				if err == nil && out != p.Output {
					err = &measure.WrongOutput{Got: out, Want: p.Output}
				}
				return err
			})
		},
		Close: func(context.Context) error { return e.Close() },
	})
}

// Docker is the docker command with an image, a container for each program.
type Docker struct {
	Image string
	args  []string
}

// Name is that of the command and the image.
func (d *Docker) Name() string { return "docker run " + d.Image }

// Open writes the program's file, which containers see at /workspace.
func (d *Docker) Open(_ context.Context, p workload.Program, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, p.File), []byte(p.Source), 0o644); err != nil {
		return err
	}
	d.args = append([]string{"run", "--rm"}, local.Labels()...)
	d.args = append(d.args, "--network", "none", "--volume", dir+":/workspace", "--workdir", "/workspace", d.Image)
	d.args = append(d.args, p.Args...)
	return nil
}

// Run is one docker run.
func (d *Docker) Run(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", d.args...)
	var complaint bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &complaint, time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker run: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return string(out), nil
}

// Close has nothing to free.
func (d *Docker) Close() error { return nil }

// HTTP is an engine with an interface in the style of go-judge: POST /run of
// commands, answered with their outcomes.
type HTTP struct {
	URL string

	client *http.Client
	body   []byte
}

// command is one of a request. Times are nanoseconds, sizes bytes.
type command struct {
	Args        []string         `json:"args"`
	Env         []string         `json:"env"`
	Files       []file           `json:"files"` // 0, 1 and 2
	CPULimit    int64            `json:"cpuLimit"`
	ClockLimit  int64            `json:"clockLimit"`
	MemoryLimit int64            `json:"memoryLimit"`
	ProcLimit   int              `json:"procLimit"`
	CopyIn      map[string]*file `json:"copyIn"`
	CopyOut     []string         `json:"copyOut"`
}

// file is something to read or a place to write.
type file struct {
	Content *string `json:"content,omitempty"`
	Name    string  `json:"name,omitempty"`
	Max     int     `json:"max,omitempty"`
}

// outcome is that of a command.
type outcome struct {
	Status     string            `json:"status"`
	ExitStatus int               `json:"exitStatus"`
	Error      string            `json:"error"`
	Files      map[string]string `json:"files"`
}

// mostAnswer bounds what is read of an answer.
const mostAnswer = 1 << 20

// Name is the address.
func (h *HTTP) Name() string { return h.URL }

// Open makes the request, which is the same each time.
func (h *HTTP) Open(_ context.Context, p workload.Program, _ string) error {
	h.client = &http.Client{Transport: &http.Transport{}}
	nothing := ""
	c := command{
		Args: append([]string{"/usr/bin/env"}, p.Args...), Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"},
		Files:    []file{{Content: &nothing}, {Name: "stdout", Max: 1 << 16}, {Name: "stderr", Max: 1 << 16}},
		CPULimit: 10e9, ClockLimit: 20e9, MemoryLimit: 512 << 20, ProcLimit: 128,
		CopyIn: map[string]*file{p.File: {Content: &p.Source}}, CopyOut: []string{"stdout", "stderr"},
	}
	var err error
	h.body, err = json.Marshal(map[string]any{"cmd": []command{c}})
	return err
}

// Run is one request.
func (h *HTTP) Run(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(h.body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := h.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %.200s", h.URL, answer.Status, text)
	}
	return h.read(text)
}

// read finds the output in an answer.
func (h *HTTP) read(text []byte) (string, error) {
	var outcomes []outcome
	if err := json.Unmarshal(text, &outcomes); err != nil || len(outcomes) != 1 {
		return "", fmt.Errorf("%s did not answer with a list of one outcome: %.200q", h.URL, text)
	}
	o := outcomes[0]
	if o.Status != "Accepted" {
		return "", fmt.Errorf("%s: the program ended with %s (exit %d): %s%s", h.URL, o.Status, o.ExitStatus, o.Error, o.Files["stderr"])
	}
	return o.Files["stdout"], nil
}

// Close closes the connections.
func (h *HTTP) Close() error {
	if h.client != nil {
		h.client.CloseIdleConnections()
	}
	return nil
}
