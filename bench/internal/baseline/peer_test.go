package baseline

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// hello is a program that every machine with a shell can run.
var hello = workload.Program{File: "hello.sh", Source: "echo hello 42\n", Args: []string{"sh", "hello.sh"}, Output: "hello 42\n"}

// judge answers as go-judge does: it runs the command on this machine.
func judge(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Cmd []struct {
				Args   []string
				Env    []string
				Files  []map[string]any
				CopyIn map[string]struct{ Content string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || r.URL.Path != "/run" || len(request.Cmd) != 1 || len(request.Cmd[0].Files) != 3 {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		cmd := request.Cmd[0]
		run := exec.Command(cmd.Args[0], cmd.Args[1], "-c", cmd.CopyIn[cmd.Args[len(cmd.Args)-1]].Content)
		run.Env = cmd.Env
		out, err := run.Output()
		answer := map[string]any{"status": "Accepted", "exitStatus": 0, "time": 1, "memory": 1, "runTime": 1, "files": map[string]string{"stdout": string(out), "stderr": ""}}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			answer["status"], answer["exitStatus"], answer["files"] = "Nonzero Exit Status", exit.ExitCode(), map[string]string{"stderr": "it failed"}
		}
		_ = json.NewEncoder(w).Encode([]any{answer})
	}))
	t.Cleanup(server.Close)
	return server
}

func open(t *testing.T, e Peer, p workload.Program) Peer {
	t.Helper()
	if err := e.Open(t.Context(), p, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestAProgramOnAnInterfaceLikeGoJudges(t *testing.T) {
	e, err := ParsePeer(judge(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := open(t, e, hello).Run(t.Context()); err != nil || out != hello.Output {
		t.Errorf("%q, %v", out, err)
	}
	failing := hello
	failing.Source = "exit 3"
	if _, err := open(t, e, failing).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "exit 3") || !strings.Contains(err.Error(), "it failed") {
		t.Errorf("%v", err)
	}
}

func TestAnEngineThatAnswersSomethingElse(t *testing.T) {
	for answer, want := range map[string]string{"<html>": "not answer with a list of one outcome", "[]": "not answer with a list of one outcome", "503": "503"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if answer == "503" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = w.Write([]byte(answer))
		}))
		_, err := open(t, &HTTP{URL: server.URL + "/run"}, hello).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", answer, err)
		}
		server.Close()
	}
}

func TestATaskVerifiesTheOutput(t *testing.T) {
	e, err := ParsePeer(judge(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	wrong := hello
	wrong.Output = "hello 43\n"
	for want, p := range map[int]workload.Program{0: hello, 2: wrong} {
		task := PeerTask(e, "shell", p, t.TempDir(), workload.Effort{Dear: 2})
		if _, err := (&measure.Runner{Tasks: []*measure.Task{task}, Progress: silent{}}).Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if s := task.Series[0]; s.FailureCount() != want || len(s.Samples) != 2-want || (want > 0 && !s.Failures[0].WrongOutput) {
			t.Errorf("%+v", s)
		}
	}
}

func TestNamesOfPeers(t *testing.T) {
	for text, want := range map[string]string{
		"docker:python:3": "docker run python:3", "http://h:5050": "http://h:5050/run", "https://h/api/run": "https://h/api/run",
	} {
		if e, err := ParsePeer(text); err != nil || e.Name() != want {
			t.Errorf("%s: %v, %v", text, e, err)
		}
	}
	for _, text := range []string{"", "docker:", "h:5050", "ftp://h"} {
		if _, err := ParsePeer(text); err == nil {
			t.Errorf("%q is a peer", text)
		}
	}
}

func TestDockerRunsTheFileInTheImage(t *testing.T) {
	d := &Docker{Image: "some:image"}
	open(t, d, hello)
	line := strings.Join(d.args, " ")
	if !strings.HasPrefix(line, "run --rm --label app=codebeaker-bench ") || !strings.Contains(line, " --network none --volume ") || !strings.HasSuffix(line, ":/workspace --workdir /workspace some:image sh hello.sh") {
		t.Error(line)
	}
}
