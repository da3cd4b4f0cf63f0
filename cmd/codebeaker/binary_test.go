package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/host"
)

var built struct {
	once sync.Once
	path string
	err  error
}

// buildServer builds the program once, for the tests that kill it.
func buildServer(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds the server")
	}
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "codebeaker-bin-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "codebeaker")
		out, err := exec.Command("go", "build", "-o", built.path, ".").CombinedOutput()
		if err != nil {
			built.err = errors.New(string(out))
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// binary is a server in a process of its own.
type binary struct {
	cmd *exec.Cmd
	url string
}

// startBinary starts the program and waits until it listens.
func startBinary(t *testing.T, path, dir string, args ...string) *binary {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--calibrate=false", "--pools=off"}, args...)
	cmd := exec.Command(path, args...)
	if tools := host.FindTools(); tools != "" {
		cmd.Env = append(os.Environ(), "CODEBEAKER_TOOLS_DIR="+tools)
	}
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &binary{cmd: cmd}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	const prefix = "listening on "
	if !strings.HasPrefix(line, prefix+"ws://") {
		t.Fatalf("the server printed %q", line)
	}
	b.url = strings.TrimSpace(strings.TrimPrefix(line, prefix))
	return b
}

// stop sends SIGTERM and wants exit code 0.
func (b *binary) stop(t *testing.T) {
	t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the server ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("the server does not end")
	}
}

func TestASecondServerOnTheDirectoryExitsWithAMessage(t *testing.T) {
	path, dir := buildServer(t), shortTempDir(t)
	first := startBinary(t, path, dir, "--runtimes", "fake")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another server") {
		t.Errorf("%v: %s", err, out)
	}
	first.stop(t)
}

func TestAPublicAddressNeedsKeysAndThenAsksForThem(t *testing.T) {
	path, dir := buildServer(t), shortTempDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "serve", "--listen", "0.0.0.0:0", "--data-dir", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "key") {
		t.Errorf("without keys: %v: %s", err, out)
	}
	secret, err := exec.CommandContext(ctx, path, "keys", "add", "tester", "--data-dir", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	server := startBinary(t, path, dir, "--runtimes", "fake")
	url := "http" + strings.TrimSuffix(strings.TrimPrefix(server.url, "ws"), "/ws/jsonrpc") + "/rpc"
	for _, c := range []struct {
		key  string
		want int
	}{{"", 401}, {"wrong", 401}, {strings.TrimSpace(string(secret)), 200}} {
		if got := post(t, url, c.key); got != c.want {
			t.Errorf("key %.8q: %d", c.key, got)
		}
	}
	kept, err := os.ReadFile(filepath.Join(dir, "keys"))
	if err != nil || strings.Contains(string(kept), strings.TrimSpace(string(secret))) {
		t.Errorf("the key is kept as it is: %v", err)
	}
	server.stop(t)
}

func post(t *testing.T, url, key string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url,
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"language.list"}`))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestVersionAndDoctorAnswer(t *testing.T) {
	notShort(t)
	path := buildServer(t)
	out, err := exec.CommandContext(t.Context(), path, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "codebeaker ") {
		t.Errorf("%s %v", out, err)
	}
	out, err = exec.CommandContext(t.Context(), path, "doctor", "--runtimes", "native,bun").Output()
	if err != nil || !strings.Contains(string(out), "languages:") || !strings.Contains(string(out), "Bun") {
		t.Errorf("%s %v", out, err)
	}
}
