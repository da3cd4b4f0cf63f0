package main

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// program is a hello of a language, and how a runtime runs it.
type program struct {
	language string
	runtime  runtimes.Type
	file     string
	source   string
	run      []string
}

const (
	javaScript = "console.log('hello', 6 * 7)\n"
	typeScript = "const answer: number = 6 * 7\nconsole.log('hello', answer)\n"
	goSource   = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\", 6*7) }\n"
	csSource   = "class P { static void Main() { System.Console.WriteLine(\"hello \" + 6 * 7); } }\n"
	csRun      = `if command -v mcs >/dev/null; then mcs -out:/tmp/h.exe hello.cs && exec mono /tmp/h.exe; fi; exec dotnet run hello.cs`
)

var programs = []program{
	{"javascript", runtimes.Bun, "hello.js", javaScript, []string{"bun", "hello.js"}},
	{"typescript", runtimes.Bun, "hello.ts", typeScript, []string{"bun", "hello.ts"}},
	{"javascript", runtimes.Deno, "hello.js", javaScript, []string{"deno", "run", "hello.js"}},
	{"typescript", runtimes.Deno, "hello.ts", typeScript, []string{"deno", "run", "hello.ts"}},
	{"javascript", runtimes.Native, "hello.js", javaScript, []string{"node", "hello.js"}},
	{"python", runtimes.Native, "hello.py", "print('hello', 6 * 7)\n", []string{"python3", "hello.py"}},
	{"go", runtimes.Native, "hello.go", goSource, []string{"go", "run", "hello.go"}},
	{"javascript", runtimes.Docker, "hello.js", javaScript, []string{"node", "hello.js"}},
	{"typescript", runtimes.Docker, "hello.ts", typeScript, []string{"tsx", "hello.ts"}},
	{"python", runtimes.Docker, "hello.py", "print('hello', 6 * 7)\n", []string{"python3", "hello.py"}},
	{"go", runtimes.Docker, "hello.go", goSource, []string{"go", "run", "hello.go"}},
	{"csharp", runtimes.Docker, "hello.cs", csSource, []string{"sh", "-c", csRun}},
}

// The example of the issue, to the letter, by clients that are not ours.
func TestTheSeedExampleRunsLiterally(t *testing.T) {
	p := sharedServer(t)
	eachClient(t, func(t *testing.T, connect func(*testing.T, string) *foreign) {
		need(t, p, runtimes.Bun)
		f := connect(t, p.URL())
		s := f.create(map[string]any{"language": "javascript", "runtimePreference": "Speed"})
		if s.Runtime != "Bun" || s.ContainerID != "" || s.State != "Active" {
			t.Errorf("session %+v", s)
		}
		f.write(s, "hello.js", "console.log('Hello from Bun!')")
		if o := f.shell(s, "bun", "hello.js"); o.Result.Stdout != "Hello from Bun!\n" || o.Result.ExitCode == nil || *o.Result.ExitCode != 0 {
			t.Errorf("%+v", o)
		}
		f.note("session.stateChanged", func(p map[string]any) bool { return p["state"] == "Idle" })
		f.close(s)
		f.note("session.closed", func(p map[string]any) bool { return p["reason"] == "client" })
	})
}

func TestEveryLanguageRunsARealProgramOnEveryRuntimeThatServesIt(t *testing.T) {
	p := sharedServer(t)
	for _, c := range programs {
		t.Run(c.runtime.String()+"/"+c.language, func(t *testing.T) {
			needLanguage(t, p, c.runtime, c.language)
			f := connect(t, "python-websockets", p.URL())
			s := f.create(map[string]any{"language": c.language, "runtimeType": c.runtime.String()})
			f.write(s, c.file, c.source)
			o := f.shell(s, c.run...)
			if o.Result.Stdout != "hello 42\n" || o.Result.Status != "Completed" {
				t.Errorf("%+v", o)
			}
			f.close(s)
		})
	}
}

func TestAllFileCommandsOnTheWireAreAlikeOnEveryRuntime(t *testing.T) {
	p := sharedServer(t)
	for kind, language := range map[runtimes.Type]string{
		runtimes.Bun: "javascript", runtimes.Deno: "javascript", runtimes.Native: "python", runtimes.Docker: "python",
	} {
		t.Run(kind.String(), func(t *testing.T) {
			needLanguage(t, p, kind, language)
			f := connect(t, "npm-ws", p.URL())
			s := f.create(map[string]any{"language": language, "runtimeType": kind.String()})
			f.write(s, "a/b.txt", "one")
			steps := []struct {
				command map[string]any
				code    string
			}{
				{map[string]any{"type": "create_directory", "path": "d/e"}, ""},
				{map[string]any{"type": "copy_file", "sourcePath": "a/b.txt", "destinationPath": "d/c.txt"}, ""},
				{map[string]any{"type": "move_file", "sourcePath": "d/c.txt", "destinationPath": "d/m.txt"}, ""},
				{map[string]any{"type": "read_file", "path": "/workspace/d/m.txt"}, ""},
				{map[string]any{"type": "delete_file", "path": "d"}, "DirectoryNotEmpty"},
				{map[string]any{"type": "delete_file", "path": "d", "recursive": true}, ""},
				{map[string]any{"type": "read_file", "path": "d/m.txt"}, "NotFound"},
				{map[string]any{"type": "read_file", "path": "../etc/passwd"}, "PathOutsideWorkspace"},
			}
			for _, step := range steps {
				if o := f.execute(s, step.command); o.ErrorCode != step.code || o.Success != (step.code == "") {
					t.Errorf("%v: %+v", step.command, o)
				}
			}
			if o := f.shell(s, "sh", "-c", "cat a/b.txt; echo two >a/b.txt; ln -s /etc/passwd link; id -u; pwd"); !strings.HasPrefix(o.Result.Stdout, "one") {
				t.Errorf("%+v", o)
			}
			if o := f.execute(s, map[string]any{"type": "read_file", "path": "a/b.txt"}); o.Result.Content != "two\n" {
				t.Errorf("%+v", o)
			}
			if o := f.execute(s, map[string]any{"type": "read_file", "path": "link"}); o.ErrorCode != "PathOutsideWorkspace" {
				t.Errorf("%+v", o)
			}
			outside := map[string]any{"type": "execute_shell", "commandName": "pwd", "workingDirectory": "away"}
			if o := f.shell(s, "ln", "-s", "/tmp", "away"); !o.Success {
				t.Errorf("%+v", o)
			}
			if o := f.execute(s, outside); o.ErrorCode != "PathOutsideWorkspace" || o.ExecutionID == "" {
				t.Errorf("a working directory that leads out: %+v", o)
			}
			f.execute(s, map[string]any{"type": "delete_file", "path": "away"})
			o := f.execute(s, map[string]any{"type": "list_directory"})
			if len(o.Result.Entries) != 2 || o.Result.Entries[0].Name != "a" || o.Result.Entries[1].Type != "symlink" {
				t.Errorf("%+v", o)
			}
			f.close(s)
		})
	}
}
