package native

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
)

// askPython makes python tell what it is. A shim (pyenv) or a virtual
// environment answers with the interpreter behind it.
const askPython = `
import json, os, sys
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "prefixes": [sys.base_prefix, sys.base_exec_prefix],
    "version": "%d.%d.%d" % sys.version_info[:3],
}))`

func addPython(ctx context.Context, host *boxed.Host, kit *boxed.Kit) error {
	answer, err := host.AskEach(ctx, "python3", "-I", "-c", askPython)
	if err != nil {
		return err
	}
	var python struct {
		Executable string
		Prefixes   []string
		Version    string
	}
	if err := json.Unmarshal([]byte(answer), &python); err != nil {
		return fmt.Errorf("python3 answers %.100q: %w", answer, err)
	}
	for i, prefix := range python.Prefixes {
		if i > 0 && prefix == python.Prefixes[0] {
			continue
		}
		binds, err := host.Prefix(filepath.Clean(prefix), "bin", "lib", "lib64", "include")
		if err != nil {
			return fmt.Errorf("python3: %w", err)
		}
		kit.Binds = append(kit.Binds, binds...)
	}
	kit.Programs = append(kit.Programs,
		boxed.Program{Name: "python3", Path: python.Executable}, boxed.Program{Name: "python", Path: python.Executable})
	kit.Tools["python3"] = python.Version
	// Without a directory of its own to write to python would leave
	// __pycache__ in the workspace, which is fine, and none elsewhere.
	kit.Languages = append(kit.Languages, boxed.Language{
		Language: runtimes.Python,
		Check:    boxed.Check{Name: "ok.py", Text: "print('ok')\n", Run: []string{"python3", "ok.py"}},
	})
	return nil
}
