package workload

import (
	"context"
	"errors"
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Program is a file with the command that runs it.
type Program struct {
	File   string
	Source string
	Args   []string
	// Output is what it prints.
	Output string
}

const output = "hello 42\n"

const (
	javaScript = "console.log('hello', [20, 22].reduce((a, b) => a + b))\n"
	typeScript = "const n: number[] = [20, 22]\nconsole.log('hello', n.reduce((a, b) => a + b))\n"
	python     = "print('hello', sum([20, 22]))\n"
	golang     = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\", 20+22) }\n"
	csharp     = "using System;\nusing System.Linq;\nclass Hello { static void Main() { Console.WriteLine(\"hello \" + new[] { 20, 22 }.Sum()); } }\n"
)

// runCSharp uses what the image has: the .NET SDK or Mono.
const runCSharp = "if command -v dotnet >/dev/null; then dotnet run hello.cs; else mcs -out:/tmp/h.exe hello.cs && mono /tmp/h.exe; fi"

// HelloOf returns the hello of a language as a runtime runs it; false when
// there is none.
func HelloOf(runtime, language string) (Program, bool) {
	switch language {
	case "javascript":
		return Program{"hello.js", javaScript, scriptTool(runtime, "node", "hello.js"), output}, true
	case "typescript":
		tool := "node"
		if runtime == "Docker" {
			tool = "tsx"
		}
		return Program{"hello.ts", typeScript, scriptTool(runtime, tool, "hello.ts"), output}, true
	case "python":
		return Program{"hello.py", python, []string{"python3", "hello.py"}, output}, true
	case "go":
		return Program{"hello.go", golang, []string{"go", "run", "hello.go"}, output}, true
	case "csharp":
		return Program{"hello.cs", csharp, []string{"sh", "-c", runCSharp}, output}, true
	}
	return Program{}, false
}

func scriptTool(runtime, other, file string) []string {
	switch runtime {
	case "Bun":
		return []string{"bun", file}
	case "Deno":
		return []string{"deno", "run", file}
	}
	return []string{other, file}
}

// codeOf is a line of a language for execute_code, and what it prints.
func codeOf(language string) (code, prints string, ok bool) {
	switch language {
	case "javascript", "typescript":
		return "console.log('hello', 40 + 2)", output, true
	case "python":
		return "print('hello', 40 + 2)", output, true
	}
	return "", "", false
}

// LeftOut begins the reasons of rows that were left out on purpose.
const LeftOut = "left out: "

// Compiles reports whether running a file of the language compiles it first.
func Compiles(language string) bool { return language == "go" || language == "csharp" }

// code runs two lines by execute_code in a fresh session, in the first language
// that keeps its variables, if the runtime can.
func (m *maker) code(r protocol.Runtime) {
	name := r.RuntimeType
	if !slices.Contains(r.Capabilities.Commands, "execute_code") {
		for _, scenario := range []string{Code, CodeNext} {
			m.lack(scenario, "", name, "the server's capabilities do not list execute_code")
		}
		return
	}
	if !m.wants(Code, CodeNext) {
		return
	}
	for _, language := range r.Capabilities.Stateful {
		if line, prints, ok := codeOf(language); ok {
			m.codeIn(name, language, line, prints)
		}
	}
}

func (m *maker) codeIn(name, language, line, prints string) {
	first, next := series(Code, language, name, "execute_code"), series(CodeNext, language, name, "execute_code")
	m.dear(measure.Task{Name: "code of " + language + " in " + name, Series: []*result.Series{first, next},
		Once: func(ctx context.Context, c *measure.Clock) error {
			s, err := create(ctx, m.Client, name, language, nil)
			if err != nil {
				return err
			}
			for _, timed := range []*result.Series{first, next} {
				if err == nil {
					err = c.Time(timed, func() error { return m.runCode(ctx, s.SessionID, line, prints) })
				}
			}
			return errors.Join(err, m.Client.CloseSession(ctx, s.SessionID))
		}})
}

func (m *maker) runCode(ctx context.Context, session, line, prints string) error {
	r, err := command[*protocol.CodeResult](ctx, m.Client, session, &protocol.ExecuteCode{Code: &line})
	if err != nil {
		return err
	}
	return want(r.Stdout, prints)
}
