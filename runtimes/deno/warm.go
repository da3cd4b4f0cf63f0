package deno

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// denoDir is the writable cache in a box.
const denoDir = boxed.Home + "/.cache/deno"

// warmDeno is a DENO_DIR in which deno has set up its databases and compiled
// its own start: a first run without takes half as long again. It is some
// 300 KB and copied, for deno writes to it.
func warmDeno(host *boxed.Host, path, version string) *boxed.Warm {
	return &boxed.Warm{
		Dir:    filepath.Join(host.Options.CacheDir(), "deno-"+version),
		Target: denoDir,
		Fill:   func(ctx context.Context, dir string) error { return runOnce(ctx, path, dir) },
	}
}

// warmText uses what programs commonly use.
const warmText = `import "node:fs"; import "node:path"; const ok: string = "ok"; console.log(ok);`

// runOnce runs a program of our own with dir as its DENO_DIR. It comes from the
// standard input, for the databases keep the path of every program.
func runOnce(ctx context.Context, path, dir string) error {
	cmd := exec.CommandContext(ctx, path, "run", "--ext=ts", "-")
	cmd.Dir = "/"
	cmd.Env = append(slices.Clone(quiet), "DENO_DIR="+dir, "HOME="+dir)
	cmd.Stdin = strings.NewReader(warmText)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run deno once: %w: %.500s", err, out)
	}
	return os.RemoveAll(filepath.Join(dir, "gen"))
}
