package native

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// goEnv is what the cache is warmed with: nothing of the server's own settings.
// In a box go has no variables but those of package surroundings, and finds the
// same C compiler, for the keys of the cache depend on it.
var goEnv = []string{"GOFLAGS=", "GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off"}

// compilerPath are the directories in which a box has a C compiler, compilers
// those that go looks for.
const compilerPath = "/usr/sbin:/usr/bin:/sbin:/bin"

var compilers = []string{"gcc", "clang"}

// compiler tells which C compiler go finds in a box; "" is none.
func compiler() string {
	for _, name := range compilers {
		for _, dir := range filepath.SplitList(compilerPath) {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return fmt.Sprint(filepath.Join(dir, name), info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return ""
}

// goTool is what Go is served by.
var goTool = toolOf(runtimes.Go)

func addGo(ctx context.Context, host *boxed.Host, kit *boxed.Kit) *runtimes.Problem {
	answer, err := host.AskEach(ctx, "go", "env", "-json", "GOROOT", "GOVERSION")
	if err != nil {
		return goTool.Problem("", err)
	}
	var tool struct{ GOROOT, GOVERSION string }
	err = json.Unmarshal([]byte(answer.Text), &tool)
	if err == nil && (tool.GOROOT == "" || len(strings.Fields(tool.GOVERSION)) == 0) {
		err = errAnswer
	}
	if err != nil {
		return unreadable(goTool, answer, err)
	}
	root, err := filepath.EvalSymlinks(tool.GOROOT)
	if err != nil {
		return goTool.Problem(answer.Path, err)
	}
	programs, err := goPrograms(filepath.Join(root, "bin"))
	if err != nil {
		return goTool.Problem(answer.Path, err)
	}
	binds, err := host.Prefix(filepath.Dir(root), filepath.Base(root))
	if err != nil {
		return goTool.Problem(answer.Path, err)
	}
	kit.Binds = append(kit.Binds, binds...)
	kit.Programs = append(kit.Programs, programs...)
	version, _, _ := strings.Cut(strings.TrimPrefix(tool.GOVERSION, "go"), " ")
	kit.Tools["go"] = version
	kit.Languages = append(kit.Languages, boxed.Language{
		Language: runtimes.Go,
		Warm:     warmGo(host, root, tool.GOVERSION),
		Check:    boxed.Check{Cold: []string{"go", "version"}},
	})
	return nil
}

func goPrograms(bin string) ([]boxed.Program, error) {
	var programs []boxed.Program
	for _, name := range []string{"go", "gofmt"} {
		real, err := filepath.EvalSymlinks(filepath.Join(bin, name))
		if err != nil {
			return nil, err
		}
		programs = append(programs, boxed.Program{Name: name, Path: real})
	}
	return programs, nil
}

// goCache is the writable build cache in a box, where go has it by itself.
const goCache = boxed.Home + "/.cache/go-build"

// warmGo is a build cache with the standard library in it: without, the first
// "go run" of a session takes seconds. The go command looks at when its cache
// was last tidied, and would throw out the links to files that are older than
// five days; so trim.txt is the session's own and of now.
func warmGo(host *boxed.Host, root, version string) *boxed.Warm {
	key := fnv.New32a()
	fmt.Fprint(key, root, goEnv, compiler())
	return &boxed.Warm{
		Dir:    filepath.Join(host.Options.CacheDir(), fmt.Sprintf("%s-%08x", strings.Fields(version)[0], key.Sum32())),
		Target: goCache,
		Link:   true,
		Beside: func() []box.File {
			now := strconv.FormatInt(time.Now().Unix(), 10)
			return []box.File{
				{Target: goCache + "/trim.txt", Content: now, Owned: true},
				{Target: boxed.Home + "/.config/go/telemetry/mode", Content: "off\n", Owned: true},
			}
		},
		Fill: func(ctx context.Context, dir string) error { return buildStandardLibrary(ctx, root, dir) },
	}
}

// buildStandardLibrary fills a build cache.
func buildStandardLibrary(ctx context.Context, root, dir string) error {
	build := niced(ctx, filepath.Join(root, "bin", "go"), "build", "std")
	build.Dir = root
	build.Env = append(slices.Clone(goEnv), "GOCACHE="+dir, "HOME="+dir, "PATH="+compilerPath)
	if out, err := runGroup(build); err != nil {
		return fmt.Errorf("build the standard library: %w: %.500s", err, out)
	}
	for _, name := range []string{"trim.txt", ".config"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
