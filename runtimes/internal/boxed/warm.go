package boxed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

// Warm is a cache that is filled once, in the background, and is never changed
// afterwards: boxes see it read-only and start with links to it or with copies
// of its files, so no session can poison another's.
type Warm struct {
	// Dir is the finished cache on the host. Its name tells what it was made
	// from, so that another version of the tool gets another one.
	Dir string
	// Target is the writable cache in a box.
	Target string
	// Link makes links instead of copies; Whole makes one link, to all of it.
	Link, Whole bool
	// Beside returns files that are the session's own from the start; their
	// targets are in Target. It may be nil.
	Beside func() []box.File
	// Fill fills an empty directory.
	Fill func(ctx context.Context, dir string) error

	once sync.Once
	done chan struct{} // closed when the fill has ended
}

// start fills the cache in the background unless it is there; ctx ends that.
// failed is told why it could not be done, unless ctx did.
func (w *Warm) start(ctx context.Context, failed func(error)) {
	w.once.Do(func() {
		w.done = make(chan struct{})
		if w.ready() {
			close(w.done)
			return
		}
		go func() {
			defer close(w.done)
			w.fillAtLast(ctx, failed)
		}()
	})
}

// A fill that fails, for want of processes or disk at that moment, is tried
// again after these times, each twice the one before.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
)

// fillAtLast fills the cache, if not at once then later. failed is told of each
// failure.
func (w *Warm) fillAtLast(ctx context.Context, failed func(error)) {
	for pause := firstRetry; pause <= lastRetry; pause *= 2 {
		err := w.fill(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		failed(err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Warm) fill(ctx context.Context) error {
	parent := filepath.Dir(w.Dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(parent, fmt.Sprintf("%s%d-", partialPrefix, os.Getpid()))
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	if err := w.Fill(ctx, partial); err != nil {
		return err
	}
	if err := os.Chmod(partial, 0o755); err != nil { // MkdirTemp's is 0700
		return err
	}
	err = os.Rename(partial, w.Dir)
	if err != nil && w.ready() {
		return nil // somebody else was quicker
	}
	return err
}

// partialPrefix begins the names of caches that are being filled; the number of
// the process that fills it follows.
const partialPrefix = "partial-"

// sweepPartial removes what interrupted fills left, and nothing that a living
// process fills: servers of tests share a cache.
func sweepPartial(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, partialPrefix+"*"))
	if err != nil {
		return err
	}
	for _, partial := range left {
		if filler(partial) {
			continue
		}
		if err := os.RemoveAll(partial); err != nil {
			return err
		}
	}
	return nil
}

// filler reports whether the process that fills the directory may live.
func filler(partial string) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(partial), partialPrefix), "-")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 0 {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer process.Release()
	err = process.Signal(syscall.Signal(0)) // kill(2): only whether it is there
	return err == nil || errors.Is(err, os.ErrPermission)
}

func (w *Warm) ready() bool {
	info, err := os.Stat(w.Dir)
	return err == nil && info.IsDir()
}

// wait waits for the end of a fill that was started.
func (w *Warm) wait() {
	if w.done != nil {
		<-w.done
	}
}

// layout adds the cache to a box, and reports whether it did: nothing until it
// is ready.
func (w *Warm) layout(cfg *box.Config) bool {
	if w == nil || !w.ready() {
		return false
	}
	dir, err := filepath.EvalSymlinks(w.Dir)
	if err != nil {
		return false // removed this moment: the box starts cold
	}
	source := warmTarget + "/" + filepath.Base(w.Dir)
	cfg.Binds = append(cfg.Binds, box.Bind{Source: dir, Target: source, NoExec: !w.Link})
	cfg.Seeds = append(cfg.Seeds, box.Seed{Source: source, Target: w.Target, Link: w.Link, Whole: w.Whole})
	if w.Beside != nil {
		cfg.Files = append(cfg.Files, w.Beside()...)
	}
	return true
}
