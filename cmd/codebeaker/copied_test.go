package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// A program that `make build` made needs nothing of the checkout: copied
// somewhere else and started there, it runs programs on Native and on Docker.
func TestACopiedProgramHasItsAgentWithIt(t *testing.T) {
	need(t, startServer(t, "--runtimes", "native"), runtimes.Native)
	program, err := os.ReadFile(buildServer(t))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := shortTempDir(t)
	path := filepath.Join(elsewhere, "beaker")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CODEBEAKER_GUEST", "")
	t.Chdir(elsewhere)
	server := startBinary(t, path, filepath.Join(elsewhere, "data"))
	c := &cli{path, server.url}
	for _, runtime := range []string{"Native", "Docker"} {
		got, err := c.command(t, "exec", "--runtime", runtime, "python", "--", "python3", "-c", "print(6 * 7)").CombinedOutput()
		if err != nil && strings.Contains(string(got), "Docker engine") {
			t.Logf("not tried on %s: %s", runtime, got)
			continue
		}
		if err != nil || string(got) != "42\n" {
			t.Errorf("%s: %v, %q", runtime, err, got)
		}
	}
	if written, _ := filepath.Glob(filepath.Join(elsewhere, "data", "agent", "guest-linux-*")); len(written) == 0 {
		t.Error("the agent was not taken out of the program: run `make guest` before the tests")
	}
	server.stop(t)
}
