package docker

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

const csharpHello = `using System;
using System.Linq;
class Hello { static void Main() { Console.WriteLine("hello " + new[] { 20, 22 }.Sum()); } }
`

var hellos = []struct {
	language runtimes.Language
	file     string
	source   string
	run      []string
}{
	{runtimes.Python, "hello.py", "print('hello', sum([20, 22]))\n", []string{"python3", "hello.py"}},
	{runtimes.JavaScript, "hello.js", "console.log('hello', [20, 22].reduce((a, b) => a + b))\n", []string{"node", "hello.js"}},
	{runtimes.TypeScript, "hello.ts", "const n: number[] = [20, 22];\nconsole.log('hello', n.reduce((a, b) => a + b));\n", []string{"tsx", "hello.ts"}},
	{runtimes.Go, "hello.go", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\", 20+22) }\n", []string{"go", "run", "hello.go"}},
	{runtimes.CSharp, "hello.cs", csharpHello, []string{"sh", "-c", "if command -v dotnet >/dev/null; then dotnet run hello.cs; else mcs -out:/tmp/h.exe hello.cs && mono /tmp/h.exe; fi"}},
}

func TestHelloInEachLanguage(t *testing.T) {
	for _, hello := range hellos {
		t.Run(hello.language.String(), func(t *testing.T) {
			requireEngine(t, hello.language)
			r := newRealRuntime(t, nil)
			env := newEnvironment(t, r, runtimes.Spec{Language: hello.language, Limits: runtimes.Limits{
				MemoryBytes: 512 << 20, CPUs: 1, Processes: 128, DiskBytes: 64 << 20,
			}})
			put(t, env, hello.file, hello.source)
			exit, output := execute(t, env, hello.run[0], hello.run[1:]...)
			if exit.Status != runtimes.Completed || strings.TrimSpace(output) != "hello 42" {
				t.Errorf("it printed %q and ended %+v", output, exit)
			}
		})
	}
}
