package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

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
		return "", fmt.Errorf("%s answers what is no list of one outcome: %.200q", h.URL, text)
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
