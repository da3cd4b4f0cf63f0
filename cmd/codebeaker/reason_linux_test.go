package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/spf13/pflag"
)

// brokenMachine is a PATH with a python3 as python3-minimal installs it, and
// nothing else.
func brokenMachine(t *testing.T) (bin string) {
	t.Helper()
	bin = t.TempDir()
	text := "#!/bin/sh\necho 'Traceback (most recent call last):\n  import json, os, sys' >&2\n" +
		"echo \"ModuleNotFoundError: No module named 'json'\" >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	return bin
}

// A server that finds next to nothing says why, in sentences to its clients and
// once in its log; the doctor says the same.
func TestWhatAMachineLacksIsToldToClientsToTheLogAndByTheDoctor(t *testing.T) {
	var log lockedBuffer
	dir := shortTempDir(t)
	bin := brokenMachine(t)
	args := []string{
		"--docker-host", "unix:///nonexistent/engine.sock", "--tools-dir", filepath.Join(bin, "none"), "--guest", os.Args[0],
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(append(args, "--listen", "127.0.0.1:0", "--data-dir", dir, "--calibrate=false", "--pools=off")); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(flags)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProgram(context.Background(), c, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, p)
	p.registry.Probe(t.Context()) // which is no news

	want := map[string]string{
		"Bun":    "bun is not on the server's PATH: `make tools`",
		"Deno":   "deno is not on the server's PATH: `make tools`",
		"Native": "python3) cannot be used: it lacks the module json; `apt-get install python3` installs the whole",
		"Docker": "No Docker engine answers at unix:///nonexistent/engine.sock: start it or run `make engine`.",
	}
	reasons := reasonsOf(t, p)
	text := log.String()
	doctor, verbose := runDoctor(t, args...), runDoctor(t, append(args, "--verbose")...)
	for name, part := range want {
		reason := reasons[name]
		if !strings.Contains(reason, part) || len(reason) > 300 || strings.ContainsFunc(reason, unicode.IsControl) {
			t.Errorf("%s: the client is told %q", name, reason)
		}
		if strings.Count(text, `msg="runtime not available" runtime=`+name+" ") != 1 {
			t.Errorf("%s is not in the log, once: %s", name, text)
		}
		if !strings.Contains(doctor, "- "+name+" is not available: "+reason+"\n") {
			t.Errorf("%s: the doctor says %s", name, doctor)
		}
	}
	for _, cause := range []string{"ModuleNotFoundError", "Cannot connect to the Docker daemon"} {
		if !strings.Contains(text, cause) || !strings.Contains(verbose, cause) || strings.Contains(doctor, cause) {
			t.Errorf("%q: log %s\ndoctor --verbose %s", cause, text, verbose)
		}
	}
	for where, told := range map[string]string{"log": text, "doctor": verbose} {
		if strings.Contains(told, "json.dumps") || strings.Contains(told, "JSON.stringify") {
			t.Errorf("a probing program is in the %s: %s", where, told)
		}
	}
	if strings.Count(text, "level=WARN") != len(want) {
		t.Errorf("other warnings: %s", text)
	}
}

// reasonsOf asks a server why its runtimes are not available.
func reasonsOf(t *testing.T, p *Program) map[string]string {
	t.Helper()
	url := strings.Replace(strings.TrimSuffix(p.URL(), "/ws/jsonrpc"), "ws://", "http://", 1) + "/rpc"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(url, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"runtime.list"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var reply struct {
		Result struct {
			Runtimes []struct{ RuntimeType, Reason string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, r := range reply.Result.Runtimes {
		reasons[r.RuntimeType] = r.Reason
	}
	return reasons
}

func runDoctor(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := newCommand()
	root.SetArgs(append([]string{"doctor"}, args...))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// lockedBuffer is a log that a server may write while a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
