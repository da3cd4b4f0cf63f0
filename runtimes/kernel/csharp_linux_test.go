package kernel

import (
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

// csharpRows are cells of one context, one after another.
var csharpRows = []struct {
	name, code, stdin string
	want              want
}{
	{name: "a value", code: "40 + 2", want: want{value: "42"}},
	{name: "text", code: `"a" + 'ä'`, want: want{value: `"aä"`}},
	{name: "a hidden value", code: "40 + 2;"},
	{name: "nothing", code: ""},
	{name: "a comment", code: "// nothing"},
	{name: "variables", code: "int n = 20; var all = new Dictionary<string, int[]> { {\"k\", new[] {1, 2}} };"},
	{name: "variables stay", code: "n += 1;\nn * 2", want: want{value: "42"}},
	{name: "collections", code: "all", want: want{value: `{ "k": { 1, 2 } }`}},
	{name: "the last value", code: "6 * 7\n", want: want{value: "42"}},
	{name: "the last value is _", code: "(int)_ + 1", want: want{value: "43"}},
	{name: "classes, using and statements", code: "using System.Globalization;\nclass P {\n  public int X { get; set; } = 3; // a } b\n  public string S() { return $\"{X};\" + @\"}\"\"\" + '}'; }\n}\nvar p = new P();\nConsole.WriteLine(p.S());\np.X",
		want: want{stdout: "3;}\"}\n", value: "3"}},
	{name: "classes stay, and are declared again", code: "class P { public int Y = 5; }\nnew P().Y", want: want{value: "5"}},
	{name: "streams", code: "Console.Write(\"out\"); Console.Error.Write(\"err\");", want: want{stdout: "out", stderr: "err"}},
	{name: "a whole program", code: "using System;\nclass Hello {\n  static void Main(string[] args) { Console.WriteLine(\"hello \" + args.Length); }\n}", want: want{stdout: "hello 0\n"}},
	{name: "input", code: "Console.ReadLine() + Console.In.ReadToEnd()", stdin: "a\nb\nc", want: want{value: `"ab\nc"`}},
	{name: "no input", code: "Console.ReadLine() == null", want: want{value: "true"}},
	{name: "a loop", code: "for (int i = 0; i < 3; i++) {\n  if (i == 1) continue;\n  else Console.Write(i);\n}\ntry { throw new Exception(); } catch (Exception) { Console.Write(\"c\"); } finally { Console.Write(\"f\"); }", want: want{stdout: "02cf"}},
	{name: "an error of the compiler", code: "int q = 1;\n\n  undefined + 1", want: want{exception: "CompileError", message: "<cell 18>(3,3): error CS0103: The name `undefined' does not exist in the current context"}},
	{name: "an exception", code: "class T { public static int F() { throw new InvalidOperationException(\"boo\"); } }\nT.F()", want: want{exception: "System.InvalidOperationException", message: "boo"}},
	{name: "an open bracket", code: "Console.WriteLine(", want: want{exception: "CompileError", message: "<cell 20>(1,1): error CS1002: the code ends before it is whole"}},
	{name: "after exceptions", code: "n", want: want{value: "21"}},
	{name: "a task", code: "Task.Run(() => 6 * 7).Result", want: want{value: "42"}},
	{name: "a display", code: "Console.Write(\"a\"); display(new Dictionary<string, object> {{\"text/html\", \"<b>\"}}); Console.Write(\"b\");", want: want{told: []string{"out:a", "display:text/html", "out:b"}}},
}

func TestCellsOfCSharp(t *testing.T) {
	p := dockerPlace(t, runtimes.CSharp)
	if p.tools["mono"] == "" {
		if _, ok := EngineFor(runtimes.Docker, runtimes.CSharp, p.tools); ok {
			t.Error("there is a kernel without Mono")
		}
		t.Skip("the image of C# has .NET, which has no kernel")
	}
	k, _ := p.kernel(t)
	for n, row := range csharpRows {
		o := run(t, k, Cell{Code: row.code, Number: n + 1, Stdin: []byte(row.stdin)})
		w := row.want
		bad := o.noResult || !o.Kept || o.Value != w.value
		if w.told != nil {
			bad = bad || strings.Join(o.told, "|") != strings.Join(w.told, "|")
		} else {
			bad = bad || o.stdout() != w.stdout || o.stderr() != w.stderr
		}
		if w.exception == "" {
			bad = bad || o.Exception != nil || o.exit.Status != runtimes.Completed
		} else {
			bad = bad || o.Exception == nil || o.Exception.Name != w.exception || o.Exception.Message != w.message || o.exit.Status != runtimes.Exception ||
				strings.Contains(o.Exception.Traceback, "InteractiveExpressionClass")
		}
		if bad {
			t.Errorf("%s, cell %d: %v", row.name, n+1, o)
		}
	}

	p2, r := begin(t, k, Cell{Code: "Console.WriteLine(\"up\");\nstring line;\nwhile ((line = Console.ReadLine()) != null) Console.WriteLine(line);", Number: 90, OpenStdin: true})
	awaitOutput(t, r, "up\n")
	if _, err := p2.Input([]byte("typed\n")); err != nil {
		t.Error(err)
	}
	awaitOutput(t, r, "typed\n")
	p2.CloseInput()
	if o := r.wait(t); o.exit.Status != runtimes.Completed || !o.Kept {
		t.Errorf("open input: %v", o)
	}
	for _, code := range []string{"Console.WriteLine(\"up\");\nfor (;;);", "Console.WriteLine(\"up\");\nSystem.Threading.Thread.Sleep(3600000);"} {
		p2, r = begin(t, k, Cell{Code: code, Number: 91})
		awaitOutput(t, r, "up\n")
		p2.Stop(runtimes.TimeLimitExceeded)
		if o := r.wait(t); o.exit.Status != runtimes.TimeLimitExceeded || !o.Kept {
			t.Errorf("a time limit: %v", o)
		}
	}
	if got := value(t, k, "n"); got != "21" {
		t.Errorf("after interrupts n is %s", got)
	}
	if o := run(t, k, Cell{Code: "Environment.Exit(7)", Number: 92}); code(o.exit) != "7" || !o.noResult {
		t.Errorf("exit: %v", o)
	}
}
