package baseline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// engine speaks to the Docker engine's socket, as a program does that has no
// docker command.
type engine struct {
	client *http.Client
}

const defaultSocket = "/var/run/docker.sock"

// newEngine finds the socket; nothing is sent yet.
func newEngine() (*engine, error) {
	socket := defaultSocket
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		path, local := strings.CutPrefix(host, "unix://")
		if !local {
			return nil, errors.New("the engine is not on a local socket")
		}
		socket = path
	}
	if _, err := os.Stat(socket); err != nil {
		return nil, fmt.Errorf("the engine has no socket at %s", socket)
	}
	return &engine{client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}, nil
}

func (e *engine) close() { e.client.CloseIdleConnections() }

// exec runs a program in a container, waits for its end and verifies that it
// exited with 0 and printed nothing.
func (e *engine) exec(ctx context.Context, container string, args ...string) error {
	var made struct{ ID string }
	if err := e.call(ctx, http.MethodPost, "/containers/"+container+"/exec",
		map[string]any{"AttachStdout": true, "AttachStderr": true, "Cmd": args}, &made); err != nil {
		return err
	}
	var printed []byte
	if err := e.call(ctx, http.MethodPost, "/exec/"+made.ID+"/start", map[string]any{"Detach": false}, &printed); err != nil {
		return err
	}
	var ended struct {
		Running  bool
		ExitCode *int
	}
	if err := e.call(ctx, http.MethodGet, "/exec/"+made.ID+"/json", nil, &ended); err != nil {
		return err
	}
	if ended.Running || ended.ExitCode == nil || *ended.ExitCode != 0 || len(printed) > 0 {
		return fmt.Errorf("the exec ended as %+v and printed %q", ended, printed)
	}
	return nil
}

// call makes a request. result is a *[]byte for the body itself.
func (e *engine) call(ctx context.Context, method, path string, body, result any) error {
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, send)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := e.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the engine answered %s to %s: %s", answer.Status, path, bytes.TrimSpace(text))
	}
	if raw, ok := result.(*[]byte); ok {
		*raw = text
		return nil
	}
	return json.Unmarshal(text, result)
}
