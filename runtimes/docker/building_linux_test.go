package docker

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/imagebuild"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason/reasontest"
)

// builtImages are the images that a fake engine has, by their ids.
type builtImages struct {
	mu  sync.Mutex
	ids map[string]string
}

func (b *builtImages) set(name, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids[name] = id
}

func (b *builtImages) answer(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := strings.TrimSuffix(strings.Split(r.URL.Path, "/images/")[1], "/json")
	if id := b.ids[name]; id != "" {
		reply(w, 200, map[string]any{"Id": id})
		return
	}
	reply(w, 404, message("No such image: "+name))
}

// Nothing needs to be probed again by the clock: the test's is not moved.
func TestAnImageThatComesIsNoticedAndKeepsNoOtherAway(t *testing.T) {
	d := newDaemon(t)
	images := &builtImages{ids: map[string]string{}}
	d.fail("image", images.answer)
	r := trying(newFakeRuntime(t, d, nil))
	if a := r.Probe(t.Context()); a.Available || r.Changed(t.Context()) {
		t.Fatalf("without an image: %+v", a)
	}
	for _, language := range []runtimes.Language{runtimes.Python, runtimes.Go} {
		name := Images("")[language]
		images.set(name, "sha256:"+name)
		if !r.Changed(t.Context()) {
			t.Errorf("%s is not noticed", name)
		}
		a := r.Probe(t.Context())
		if !a.Serves(language) || a.Serves(runtimes.CSharp) || r.Changed(t.Context()) {
			t.Errorf("with %s: %+v", name, a)
		}
		reasontest.Problems(t, a.Problems)
	}
}

func TestAnImageThatDidNotWorkAndIsBuiltAnewIsNoticed(t *testing.T) {
	d := newDaemon(t)
	images := &builtImages{ids: map[string]string{}}
	for _, name := range Images("") {
		images.set(name, "sha256:"+name)
	}
	images.set("codebeaker-golang:latest", "sha256:broken") // the fake engine starts no agent for it
	d.fail("image", images.answer)
	d.fail("start", status(500))
	r := trying(newFakeRuntime(t, d, nil))
	if a := r.Probe(t.Context()); a.Serves(runtimes.Go) || !a.Serves(runtimes.Python) || r.Changed(t.Context()) {
		t.Fatalf("with a broken image: %+v", a)
	}
	images.set("codebeaker-golang:latest", "sha256:codebeaker-golang:latest")
	if !r.Changed(t.Context()) {
		t.Error("not noticed")
	}
	if a := r.Probe(t.Context()); !a.Serves(runtimes.Go) {
		t.Errorf("built anew: %+v", a)
	}
}

// slowly makes images as slowly as a test wants: each waits for a file go-NAME.
const slowly = `#!/bin/bash
cd "$(dirname "$0")"
if [ "$1" = --missing ]; then shift; printf '%s\n' "$@"; exit; fi
until [ -e "go-$1" ]; do sleep 0.02; done
[ "$1" != dotnet ] || { echo 'error: there is no mirror' >&2; exit 1; }
`

func TestWhatIsBeingBuiltIsTheReason(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(slowly), 0o755); err != nil {
		t.Fatal(err)
	}
	builder := imagebuild.Builder{
		Script: script, Dir: filepath.Join(dir, "progress"), Logger: slog.New(slog.DiscardHandler),
		Image: func(recipe string) string { return runtimes.ImageOf(recipe, "") },
	}
	d := newDaemon(t)
	images := &builtImages{ids: map[string]string{}}
	d.fail("image", images.answer)
	r := trying(newFakeRuntime(t, d, func(o *Options) { o.BuildDir = builder.Dir }))
	var log bytes.Buffer
	registry := runtimes.NewRegistry(r)
	registry.LogTo(slog.New(slog.NewTextHandler(&log, nil)))
	probe := func() runtimes.Availability {
		registry.Probe(t.Context())
		return registry.Offer(runtimes.Docker).Availability
	}
	if a := probe(); !strings.Contains(a.Reason, "run `make images`") {
		t.Errorf("before: %q", a.Reason)
	}
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { done <- builder.Run(ctx, "dotnet", "python", "golang") }()
	// next lets an image be built, and waits until the building shows.
	next := func(from, now string) {
		t.Helper()
		if from != "" {
			images.set(runtimes.ImageOf(from, ""), "sha256:"+runtimes.ImageOf(from, ""))
			if err := os.WriteFile(filepath.Join(dir, "go-"+from), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, now, func() bool { p := r.building(); return p.String() == now })
		if !r.Changed(t.Context()) {
			t.Errorf("%q is not noticed", now)
		}
	}
	next("", "building image 1 of 3: codebeaker-dotnet:latest")
	a := probe()
	reasontest.Unavailable(t, a)
	if !strings.Contains(a.Reason, "building image 1 of 3: codebeaker-dotnet:latest") {
		t.Errorf("at first: %q", a.Reason)
	}
	next("python", "building image 1 of 3: codebeaker-dotnet:latest")
	images.set("codebeaker-dotnet:latest", "")
	if err := os.WriteFile(filepath.Join(dir, "go-dotnet"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	next("", "building image 3 of 3: codebeaker-golang:latest")
	a = probe()
	reasontest.Problems(t, a.Problems)
	for language, want := range map[runtimes.Language]string{
		runtimes.CSharp:     "codebeaker-dotnet:latest could not be built (there is no mirror)",
		runtimes.Go:         "codebeaker-golang:latest is being built, image 3 of 3",
		runtimes.JavaScript: "The Docker engine has no image codebeaker-nodejs:latest: run `make images`.",
	} {
		if got := a.WhyNot(language); !strings.Contains(got, want) {
			t.Errorf("%s: %q", language, got)
		}
	}
	if !a.Serves(runtimes.Python) {
		t.Errorf("python is not served: %+v", a)
	}
	next("golang", "")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if a := probe(); !a.Serves(runtimes.Go) || strings.Count(log.String(), "could not be built") == 0 {
		t.Errorf("at the end %+v, logged %s", a, log.String())
	}
}
