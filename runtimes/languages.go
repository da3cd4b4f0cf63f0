package runtimes

// languages are what the server begins with: everything that it knows of a
// language stands here. docs/runtimes.md, "Adding a language", says how one is
// added.
var languages = []LanguageFacts{
	{
		Name: "javascript", Aliases: []string{"js", "node", "nodejs"}, Suffixes: []string{".js", ".mjs", ".cjs"},
		Runtimes: []Type{Bun, Deno, Native, Docker, Embedded},
		Tools:    []Tool{node, tsx}, Recipe: "nodejs",
		Run:   []string{"node", File},
		RunOn: map[Type][]string{Bun: {"bun", File}, Deno: {"deno", "run", File}},
		Hello: "console.log('hello', [20, 22].reduce((a, b) => a + b))\n",
		Eval:  []string{"node", "-e", Code}, EvalOn: evalScript,
		Greet: `console.log("hello")`,
		Idle:  `console.log("hello"); setTimeout(() => {}, 600000)`,
	},
	{
		Name: "typescript", Aliases: []string{"ts"}, Suffixes: []string{".ts", ".mts"},
		Runtimes: []Type{Bun, Deno, Native, Docker, Embedded},
		Tools:    []Tool{node, tsx}, Recipe: "nodejs",
		Run:   []string{"node", File},
		RunOn: map[Type][]string{Bun: {"bun", File}, Deno: {"deno", "run", File}, Docker: {"tsx", File}},
		Hello: "const n: number[] = [20, 22]\nconsole.log('hello', n.reduce((a, b) => a + b))\n",
		Eval:  []string{"node", "-e", Code}, EvalOn: evalScript,
		Greet: `console.log("hello")`,
		Idle:  `console.log("hello"); setTimeout(() => {}, 600000)`,
	},
	{
		Name: "python", Aliases: []string{"py", "python3"}, Suffixes: []string{".py"},
		Runtimes: []Type{Native, Docker},
		Tools:    []Tool{{Name: "python3", Args: []string{"--version"}, Word: 1, Get: "`apt-get install python3` installs the whole"}},
		Recipe:   "python",
		Run:      []string{"python3", File},
		Hello:    "print('hello', sum([20, 22]))\n",
		Eval:     []string{"python3", "-c", Code},
		Greet:    `print("hello", flush=True)`,
		Idle:     `print("hello", flush=True); import time; time.sleep(600)`,
	},
	{
		Name: "go", Aliases: []string{"golang"}, Suffixes: []string{".go"},
		Runtimes: []Type{Native, Docker},
		Tools: []Tool{{
			Name: "go", Args: []string{"version"}, Word: 2, Prefix: "go",
			Get: "`apt-get install golang-go` installs it, or see https://go.dev/dl",
		}},
		Recipe:   "golang",
		Run:      []string{"go", "run", File},
		Compiles: true,
		Hello:    "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\", 20+22) }\n",
	},
	{
		Name: "csharp", Aliases: []string{"cs", "c#", "dotnet"}, Suffixes: []string{".cs"},
		Runtimes: []Type{Docker},
		// An image has one of them. .NET and Mono are not the same language.
		Tools:    []Tool{{Name: "dotnet", Args: []string{"--version"}}, {Name: "mono", Args: []string{"--version"}, Word: 4}},
		Recipe:   "dotnet",
		Run:      []string{"sh", "-c", runCSharp, "sh", File},
		Compiles: true,
		Hello:    "using System;\nusing System.Linq;\nclass Hello { static void Main() { Console.WriteLine(\"hello \" + new[] { 20, 22 }.Sum()); } }\n",
	},
}

var (
	node = Tool{
		Name: "node", Args: []string{"--version"}, Prefix: "v",
		Get: "`apt-get install nodejs` installs it, or see https://nodejs.org",
	}
	tsx        = Tool{Name: "tsx", Args: []string{"--version"}, Word: 1, Prefix: "v"}
	evalScript = map[Type][]string{Bun: {"bun", "-e", Code}, Deno: {"deno", "eval", Code}}
)

// runCSharp is for the toolchain that an image has: Mono or .NET.
const runCSharp = `f=$1; shift; if command -v mcs >/dev/null; then mcs -out:/tmp/program.exe "$f" && ` +
	`exec mono /tmp/program.exe "$@"; else exec dotnet run "$f" -- "$@"; fi`

// kinds are the runtimes that this project has, in the order that breaks ties.
var kinds = []RuntimeFacts{
	{Name: "Bun", Declared: Figures{Startup: 50 * ms, Memory: 25 << 20}},
	{Name: "Deno", Declared: Figures{Startup: 80 * ms, Memory: 30 << 20}},
	{Name: "Native", Declared: Figures{Startup: 60 * ms, Memory: 20 << 20}},
	{Name: "Docker", Declared: Figures{Startup: 560 * ms, Memory: 250 << 20}},
	{Name: "Embedded", Declared: Figures{Startup: 5 * ms, Memory: 16 << 20}},
}
