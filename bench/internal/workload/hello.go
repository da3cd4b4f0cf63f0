package workload

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

// LeftOut begins the reasons of rows that were left out on purpose.
const LeftOut = "left out: "

// Compiles reports whether running a file of the language compiles it first.
func Compiles(language string) bool { return language == "go" || language == "csharp" }
