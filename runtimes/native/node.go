package native

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

const askNode = `JSON.stringify({executable: process.execPath, version: process.versions.node,
	strips: Boolean(process.features.typescript),
	flag: process.allowedNodeEnvironmentFlags.has("--experimental-strip-types")})`

// nodeTool is what JavaScript and TypeScript are served by.
var nodeTool = toolOf(runtimes.JavaScript, runtimes.TypeScript)

func addNode(ctx context.Context, host *boxed.Host, kit *boxed.Kit) *runtimes.Problem {
	answer, err := host.AskEach(ctx, "node", "-p", askNode)
	if err != nil {
		return nodeTool.Problem("", err)
	}
	var node struct {
		Executable, Version string
		// Strips: node runs .ts files; Flag: it does when asked to.
		Strips, Flag bool
	}
	err = json.Unmarshal([]byte(answer.Text), &node)
	if err == nil && node.Executable == "" {
		err = errAnswer
	}
	if err != nil {
		return unreadable(nodeTool, answer, err)
	}
	executable, err := filepath.EvalSymlinks(node.Executable)
	if err != nil {
		return nodeTool.Problem(answer.Path, err)
	}
	if bin := filepath.Dir(executable); filepath.Base(bin) == "bin" {
		binds, err := host.Prefix(filepath.Dir(bin), "bin", "lib")
		if err != nil {
			return nodeTool.Problem(answer.Path, err)
		}
		kit.Binds = append(kit.Binds, binds...)
	}
	kit.Programs = append(kit.Programs, boxed.Program{Name: "node", Path: executable})
	kit.Programs = append(kit.Programs, nodeScripts(filepath.Dir(executable))...)
	kit.Tools["node"] = node.Version
	kit.Languages = append(kit.Languages, boxed.Language{Language: runtimes.JavaScript})
	if !node.Strips && !node.Flag {
		return &runtimes.Problem{
			Languages: []runtimes.Language{runtimes.TypeScript}, Absent: true, Step: "find tools",
			Reason: fmt.Sprintf("node %s does not run TypeScript: install version 22.6 or later", reason.Line(node.Version, 20)),
			Err:    fmt.Errorf("%s: node %.20s strips no types", answer.Path, node.Version),
		}
	}
	kit.Languages = append(kit.Languages, typeScript(node.Strips))
	return nil
}

// nodeScripts are the programs that come with node and lie beside it.
func nodeScripts(bin string) []boxed.Program {
	var programs []boxed.Program
	for _, name := range []string{"npm", "npx"} {
		real, err := filepath.EvalSymlinks(filepath.Join(bin, name))
		if err == nil && strings.Contains(real, "/lib/node_modules/") {
			programs = append(programs, boxed.Program{Name: name, Path: real})
		}
	}
	return programs
}

// typeScript is served by node itself: it strips types since 22.6 when asked
// to by a flag, since 22.18 and 23.6 always.
func typeScript(always bool) boxed.Language {
	language := boxed.Language{Language: runtimes.TypeScript}
	if !always {
		language.Env = []string{"NODE_OPTIONS=--experimental-strip-types --disable-warning=ExperimentalWarning"}
	}
	return language
}
