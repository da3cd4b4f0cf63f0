package host

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/fake"
)

// engine stands for Docker on a host whose engine answers without an image.
type engine struct {
	runtimes.Runtime
	version string
}

func (e engine) Probe(context.Context) runtimes.Availability {
	return runtimes.Availability{Reason: "it has no image", Version: e.version}
}

// images makes a host with a script that notes what it is asked for, and a
// registry with such an engine and a runtime that serves JavaScript and TypeScript only.
func images(t *testing.T, text, version string) (h *Host, registry *runtimes.Registry, notes string, log *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	script := filepath.Join(dir, "script")
	notes = filepath.Join(dir, "notes")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nNOTES="+notes+"\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	h, err := Open(Options{
		Names: []string{}, DataDir: dir, Mark: "test", BuildImages: script, ImageTag: "test", DockerHost: "tcp://192.0.2.1:1",
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	boxes := fake.New(fake.Options{Type: runtimes.Bun, Dir: dir, Languages: []runtimes.Language{runtimes.JavaScript, runtimes.TypeScript}})
	registry = runtimes.NewRegistry(engine{fake.New(fake.Options{Type: runtimes.Docker, Dir: dir}), version}, boxes)
	registry.Probe(t.Context())
	return h, registry, notes, log
}

func TestImagesOfLanguagesThatNothingServesAreBuiltFirst(t *testing.T) {
	h, registry, notes, log := images(t, `
[ "$1" != --missing ] || { shift; printf '%s\n' "$@"; exit; }
echo "$1 $TAG $DOCKER_HOST" >>$NOTES
[ "$1" != python ] || { echo 'error: no such thing' >&2; exit 1; }
`, "1.0")
	if !h.Building(registry) {
		t.Error("before it begins, measurements would be disturbed")
	}
	h.BuildImages(t.Context(), registry)
	if h.Building(registry) || h.ImageProgress() != "" {
		t.Errorf("after the end it goes on: %s", h.ImageProgress())
	}
	got, _ := os.ReadFile(notes)
	const with = " test tcp://192.0.2.1:1\n"
	if want := "python" + with + "golang" + with + "dotnet" + with + "nodejs" + with; string(got) != want {
		t.Errorf("built %q", got)
	}
	if text := log.String(); !strings.Contains(text, `"building image 1 of 4: codebeaker-python:test"`) || !strings.Contains(text, `reason="no such thing"`) {
		t.Errorf("logged %s", text)
	}
}

func TestNothingIsBuiltWithoutAnEngine(t *testing.T) {
	h, registry, notes, _ := images(t, "touch $NOTES\n", "")
	ctx, stop := context.WithTimeout(t.Context(), 3*enginePoll/2)
	defer stop()
	begun := time.Now()
	h.BuildImages(ctx, registry)
	if _, err := os.Stat(notes); err == nil || time.Since(begun) < enginePoll || h.Building(registry) {
		t.Error("the script was run")
	}
}

func TestAScriptThatCannotWorkIsLogged(t *testing.T) {
	h, registry, _, log := images(t, "echo 'error: there is no docker command on PATH' >&2; exit 1\n", "1.0")
	h.BuildImages(t.Context(), registry)
	if text := log.String(); !strings.Contains(text, "there is no docker command on PATH") || !strings.Contains(text, "level=WARN") {
		t.Errorf("logged %s", text)
	}
}
