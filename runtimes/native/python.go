package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// askPython makes python tell what it is. A shim (pyenv) or a virtual
// environment answers with the interpreter behind it.
const askPython = `
import json, os, sys
executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
library = os.path.dirname(os.__file__)
` + hasBytecode + `
print(json.dumps({
    "executable": executable,
    "made": os.stat(executable).st_mtime_ns,
    "prefixes": [sys.base_prefix, sys.base_exec_prefix],
    "version": "%d.%d.%d" % sys.version_info[:3],
    "library": library,
    "cold": sys.version_info >= (3, 8) and not all(map(compiled, usual)),
}))`

// pythonTool is what Python is served by.
var pythonTool = toolOf(runtimes.Python)

func addPython(ctx context.Context, host *boxed.Host, kit *boxed.Kit) *runtimes.Problem {
	answer, err := host.AskEach(ctx, "python3", "-I", "-c", askPython)
	if err != nil {
		return pythonProblem(err)
	}
	var python struct {
		Executable string
		Made       int64 // when, in nanoseconds
		Prefixes   []string
		Version    string
		Library    string // the directory of the standard library
		Cold       bool   // its bytecode is missing or not valid
	}
	err = json.Unmarshal([]byte(answer.Text), &python)
	if err == nil && (python.Executable == "" || len(python.Prefixes) == 0) {
		err = errAnswer
	}
	if err != nil {
		return unreadable(pythonTool, answer, err)
	}
	var shown []box.Bind
	for i, prefix := range python.Prefixes {
		if i > 0 && prefix == python.Prefixes[0] {
			continue
		}
		binds, err := host.Prefix(filepath.Clean(prefix), "bin", "lib", "lib64", "include")
		if err != nil {
			return pythonTool.Problem(answer.Path, err)
		}
		shown = append(shown, binds...)
	}
	kit.Binds = append(kit.Binds, shown...)
	kit.Programs = append(kit.Programs,
		boxed.Program{Name: "python3", Path: python.Executable}, boxed.Program{Name: "python", Path: python.Executable})
	kit.Programs = append(kit.Programs, pythonScripts(filepath.Dir(python.Executable))...)
	kit.Tools["python3"] = python.Version
	language := boxed.Language{Language: runtimes.Python}
	if python.Cold {
		language.Env = []string{"PYTHONPYCACHEPREFIX=" + bytecode}
		language.Warm = warmPython(host, python.Executable, python.Made, python.Version, python.Library)
	}
	kit.Languages = append(kit.Languages, language)
	return nil
}

// pythonScripts are the programs that come with python and lie beside it. The
// system's pip may be that of another python.
func pythonScripts(bin string) []boxed.Program {
	var programs []boxed.Program
	for _, name := range []string{"pip3", "pip"} {
		if real, err := filepath.EvalSymlinks(filepath.Join(bin, name)); err == nil {
			programs = append(programs, boxed.Program{Name: name, Path: real})
		}
	}
	return programs
}

// missingModule is what python says of a module that it lacks.
var missingModule = regexp.MustCompile(`No module named '([\w.]{1,40})'`)

// pythonProblem tells of a python3 that is not whole, as python3-minimal is
// not, by the module that it lacks.
func pythonProblem(err error) *runtimes.Problem {
	var program *boxed.ProgramError
	if errors.As(err, &program) {
		if module := missingModule.FindStringSubmatch(program.Stderr); module != nil {
			return pythonTool.Unusable(program.Path, "it lacks the module "+module[1], err)
		}
	}
	return pythonTool.Problem("", err)
}

// A python that finds no valid bytecode of its standard library compiles at each
// start what it begins with, because a box cannot keep it there: that takes four
// times as long. Some installations have none, as those of container images,
// or one that not everybody may read.
//
// There the bytecode is made once. Python looks for it in the directory that
// PYTHONPYCACHEPREFIX names, under the whole path of the source. The directory is
// the session's own and writable, so that its own modules have their bytecode
// too (not in __pycache__ beside them, but there), and the path of the library
// in it is a link to what was made once. Bytecode is taken only for a source of
// the same age and size: that of a library renewed since is left alone. Where
// the installation has valid bytecode nothing of this is done.

// bytecode is the directory for PYTHONPYCACHEPREFIX in a box.
const bytecode = boxed.Home + "/.cache/python"

// hasBytecode defines compiled(module): whether sessions may read bytecode that
// is valid for the source of a module (pyc files have 16 bytes before the code:
// a number of the version, flags, and the source's time and size unless a hash
// is used instead; PEP 552). An installation without sources needs none.
const hasBytecode = `
import importlib.util
usual = "os.py", "codecs.py", "encodings/__init__.py", "json/decoder.py", "subprocess.py", "typing.py"
def compiled(module):
    source = os.path.join(library, module)
    if not os.path.exists(source):
        return True
    try:
        with open(importlib.util.cache_from_source(source), "rb") as file:
            head = file.read(16)
            readable = os.geteuid() != 0 or os.fstat(file.fileno()).st_mode & 0o004
    except OSError:
        return False
    made = os.stat(source)
    stamp = (int(made.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little") + (made.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    return bool(readable and head[:4] == importlib.util.MAGIC_NUMBER and (any(head[4:8]) or head[8:] == stamp))
`

// compileLibrary compiles the standard library, sys.argv[1], into a directory,
// sys.argv[2]. Modules that do not compile are examples of that.
const compileLibrary = `
import importlib.util, os, py_compile, sys
library, into = sys.argv[1:]
os.umask(0o022)
for folder, folders, files in os.walk(library):
    folders[:] = [f for f in folders if f not in
        ("__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "ensurepip")]
    target = os.path.join(into, os.path.relpath(folder, library))
    os.makedirs(target, exist_ok=True)
    for name in files:
        if name.endswith(".py"):
            source = os.path.join(folder, name)
            try:
                py_compile.compile(source, os.path.join(target, os.path.basename(importlib.util.cache_from_source(source))),
                    doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
            except py_compile.PyCompileError:
                pass
`

// warmPython is the bytecode of the standard library.
func warmPython(host *boxed.Host, executable string, made int64, version, library string) *boxed.Warm {
	key := fnv.New32a()
	fmt.Fprint(key, executable, made, library)
	return &boxed.Warm{
		Dir:    filepath.Join(host.Options.CacheDir(), fmt.Sprintf("python%s-%08x", version, key.Sum32())),
		Target: bytecode + library,
		Whole:  true,
		Fill: func(ctx context.Context, dir string) error {
			compile := niced(ctx, executable, "-I", "-c", compileLibrary, library, dir)
			compile.Dir = "/"
			if out, err := runGroup(compile); err != nil {
				return fmt.Errorf("compile the standard library: %w: %.500s", err, out)
			}
			return nil
		},
	}
}

// niced is a command at the lowest priority: sessions that run meanwhile come
// first.
func niced(ctx context.Context, args ...string) *exec.Cmd {
	if nice, err := exec.LookPath("nice"); err == nil {
		args = append([]string{nice, "-n", "19"}, args...)
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	return command
}
