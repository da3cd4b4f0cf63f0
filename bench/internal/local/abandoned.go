package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/leftover"
	"github.com/codebeaker/codebeaker/runtimes/host"
)

// markFile keeps in the data directory what names it on engines and in control
// groups.
const markFile = "mark"

// newMark makes a mark and notes it in the directory.
func newMark(dir string) (string, error) {
	var random [6]byte
	_, _ = rand.Read(random[:]) // it never fails
	mark := hex.EncodeToString(random[:])
	return mark, os.WriteFile(filepath.Join(dir, markFile), []byte(mark), 0o600)
}

// sweepAbandoned removes the data directories of processes that were killed,
// with the environments and mounts that they left. What fails is logged and
// left to the next.
func sweepAbandoned(ctx context.Context, log *slog.Logger) {
	for _, dir := range leftover.Dirs(leftover.Data) {
		if err := sweepData(ctx, dir, log); err != nil {
			log.Warn("a data directory is left of an earlier run", "directory", dir, "error", err)
		}
	}
}

func sweepData(ctx context.Context, dir string, log *slog.Logger) error {
	mark, err := os.ReadFile(filepath.Join(dir, markFile))
	if os.IsNotExist(err) { // nothing was made with it
		return os.RemoveAll(dir)
	}
	if err != nil {
		return err
	}
	h, err := host.Open(host.Options{DataDir: dir, Mark: strings.TrimSpace(string(mark)), Logger: log})
	if err != nil { // it may live, in another namespace of processes
		return err
	}
	h.Sweep(ctx)
	if err := h.Close(); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
