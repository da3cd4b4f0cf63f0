package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func load(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags)
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreUsable(t *testing.T) {
	c, err := load(t)
	if err != nil || c.Listen != "127.0.0.1:5039" || c.MaxSessions != 256 || c.PingInterval != 30*time.Second || len(c.Runtimes) != 4 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestFlagsWinOverVariablesOverTheFile(t *testing.T) {
	path := writeConfig(t, "max-sessions: 1\nqueue-length: 1\noutput-bytes: 1\nruntimes: [bun, deno]\nping-interval: 5s\n")
	t.Setenv("CODEBEAKER_QUEUE_LENGTH", "2")
	t.Setenv("CODEBEAKER_OUTPUT_BYTES", "2")
	t.Setenv("CODEBEAKER_REQUIRE", "docker") // not ours
	c, err := load(t, "--config", path, "--output-bytes", "3")
	if err != nil {
		t.Fatal(err)
	}
	if c.MaxSessions != 1 || c.QueueLength != 2 || c.OutputBytes != 3 || len(c.Runtimes) != 2 || c.PingInterval != 5*time.Second {
		t.Errorf("%+v", c)
	}
}

func TestListsComeFromVariablesToo(t *testing.T) {
	t.Setenv("CODEBEAKER_RUNTIMES", "bun,native")
	c, err := load(t)
	if err != nil || len(c.Runtimes) != 2 || c.Runtimes[1] != "native" {
		t.Errorf("%v, %v", c.Runtimes, err)
	}
}

func TestWhatCannotBeIsNamed(t *testing.T) {
	cases := map[string]struct {
		file string
		args []string
	}{
		"max-session":         {file: "max-session: 5\n"},
		"max-sessions":        {args: []string{"--max-sessions", "-1"}},
		"queue-length":        {file: "queue-length: many\n"},
		"log-format":          {args: []string{"--log-format", "xml"}},
		"ping-interval":       {args: []string{"--ping-interval", "0s"}},
		"output-memory-bytes": {args: []string{"--output-memory-bytes", "0"}},
		"allow-image":         {args: []string{"--allow-image", "Python"}},
		"config":              {args: []string{"--config", "/does/not/exist"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.file != "" {
				args = append(args, "--config", writeConfig(t, c.file))
			}
			if _, err := load(t, args...); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestOneServerPerDataDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the second server: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path)
	if err != nil || again.mark != first.mark || len(again.mark) != 12 {
		t.Errorf("mark %q, then %q: %v", first.mark, again.mark, err)
	}
	_ = again.Close()
}
