package imagebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// Builder builds images.
type Builder struct {
	// Script makes the images whose names (python) are its arguments; with
	// --missing before them it prints those that have to be made, and makes
	// none.
	Script string
	// Image gives the name of the image (codebeaker-python:latest) to that of
	// the script (python).
	Image func(name string) string
	// Env are variables of the script besides the server's.
	Env []string
	// Dir is where the progress is kept.
	Dir    string
	Logger *slog.Logger // required
}

const (
	// lockPoll is how often a builder looks whether another is done; a reader
	// of the progress holds the lock for a moment, which lockTries outlasts.
	lockPoll  = 500 * time.Millisecond
	lockTries = 3
	// stopTimeout bounds how long a script that is told to stop may take.
	stopTimeout = 10 * time.Second
	// whyMax bounds what is told of a failure, in bytes.
	whyMax = 100
)

// Run builds those of the images that are missing, in their order, until ctx
// ends. One that fails does not keep the others from being built. While another
// process builds for this directory, Run waits: what that has built is there
// then. The end of ctx stops the script and all that it started.
// Errors: a Dir that cannot be used, a Script that cannot say what is missing;
// a failure of a single image is told in the progress and the log.
func (b *Builder) Run(ctx context.Context, names ...string) error {
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return err
	}
	lock, err := b.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	missing, err := b.missing(ctx, lock, names)
	if err != nil {
		return err
	}
	p := &Progress{PID: os.Getpid(), Images: make([]Image, 0, len(missing))}
	for _, name := range missing {
		p.Images = append(p.Images, Image{Name: b.Image(name), State: Waiting, Since: time.Now().UTC()})
	}
	if len(missing) > 0 {
		b.Logger.Info("language images are built in the background", "images", strings.Join(missing, ","))
	}
	for i, name := range missing {
		if err := b.build(ctx, lock, p, i, name); err != nil {
			return err
		}
	}
	return p.save(b.Dir)
}

// lock waits until nobody else builds.
func (b *Builder) lock(ctx context.Context) (*os.File, error) {
	for tries := 1; ; tries++ {
		lock, err := takeLock(filepath.Join(b.Dir, lockFile))
		if err == nil || !errors.Is(err, errHeld) {
			return lock, err
		}
		if tries == lockTries {
			b.Logger.Info("language images are being built by another process; this server waits for it")
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// missing asks the script.
func (b *Builder) missing(ctx context.Context, lock *os.File, names []string) ([]string, error) {
	var out, errs bytes.Buffer
	if err := b.script(ctx, lock, &out, &errs, append([]string{"--missing"}, names...)...); err != nil {
		return nil, fmt.Errorf("%s: %w", why(errs.String(), err), err)
	}
	found := strings.Fields(out.String())
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(found, name) }), nil
}

// build makes one image. It returns an error at the end of ctx only.
func (b *Builder) build(ctx context.Context, lock *os.File, p *Progress, i int, name string) error {
	image := &p.Images[i]
	begun := time.Now()
	set := func(state State, why string) {
		image.State, image.Why, image.Since = state, why, time.Now().UTC()
		if err := p.save(b.Dir); err != nil {
			b.Logger.Warn("the progress of building images cannot be kept", "error", err)
		}
	}
	set(Building, "")
	b.Logger.Info(fmt.Sprintf("building image %d of %d: %s", i+1, len(p.Images), image.Name))
	log := &tail{}
	err := b.script(ctx, lock, log, log, name)
	if ctx.Err() != nil {
		set(Waiting, "")
		b.Logger.Info("stopped building an image; a server that is started with --build-images goes on", "image", image.Name)
		return context.Cause(ctx)
	}
	if err != nil {
		set(Failed, why(log.String(), err))
		b.Logger.Warn("image not built", "image", image.Name, "reason", image.Why, "error", err, "output", log.String())
		return nil
	}
	set(Built, "")
	b.Logger.Info("image built", "image", image.Name, "took", time.Since(begun).Round(time.Second).String())
	return nil
}

// script runs the script to its end, with its children in a group of their own
// that ends with ctx, and with the lock, which they keep while they live.
func (b *Builder) script(ctx context.Context, lock *os.File, out, errs io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, b.Script, args...)
	cmd.Env = append(os.Environ(), b.Env...)
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.WaitDelay = stopTimeout
	return runGroup(cmd, lock)
}

// why takes the reason of a failure out of what the script wrote: the line
// that begins with "error: ", else the last one.
func why(output string, err error) string {
	for line := range strings.Lines(output) {
		if text, ok := strings.CutPrefix(line, "error: "); ok {
			text, _, _ = strings.Cut(text, "; its whole log")
			return reason.Line(reason.WithoutPaths(text), whyMax)
		}
	}
	if line := reason.LastLine(output, whyMax); line != "" {
		return reason.WithoutPaths(line)
	}
	return reason.Cause(err)
}

// tailMax bounds what is kept of what a script writes, in bytes.
const tailMax = 8 << 10

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - tailMax; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
