package native

import (
	"context"
	"encoding/json"
	"errors"
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
var pythonTool = &boxed.Tool{
	Name: "python3", Languages: []runtimes.Language{runtimes.Python}, Get: "`apt-get install python3` installs the whole",
}

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
	language := boxed.Language{
		Language: runtimes.Python,
		Check:    boxed.Check{Name: "ok.py", Text: "print('ok')\n", Run: []string{"python3", "ok.py"}},
	}
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
