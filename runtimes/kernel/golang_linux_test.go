package kernel

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestCellsOfGo(t *testing.T) {
	t.Run("Native", func(t *testing.T) { testGo(t, nativePlace(t, runtimes.Go), true) })
	t.Run("Docker", func(t *testing.T) { testGo(t, dockerPlace(t, runtimes.Go), false) })
}

// testGo is one life of a context, for each program takes its time; running: and
// what is done to a cell that runs.
func testGo(t *testing.T, p *place, running bool) {
	k, env := p.kernel(t)
	n := 0
	cell := func(c Cell) *outcome {
		t.Helper()
		n++
		c.Number = n
		o := run(t, k, c)
		if o.exit.Status != runtimes.CouldNotStart && (o.noResult || !o.Kept || o.HasValue) {
			t.Errorf("cell %d: %v", n, o)
		}
		return o
	}
	if o := cell(Cell{Code: "import (\n\"fmt\"; \"os\"; \"io\")\nfunc twice(s string) string { return s + s }\nall, _ := io.ReadAll(os.Stdin)\nfmt.Print(twice(string(all)), os.Getenv(\"A\"))", Stdin: []byte("in"), Env: []string{"A=stays"}}); o.stdout() != "ininstays" || o.exit.Status != runtimes.Completed || o.stderr() != "" {
		t.Errorf("input: %v", o)
	}
	o := cell(Cell{Code: "type T struct{}\nfunc (T) fail(n int) {\n\tif n == 0 {\n\t\tpanic(twice(\"x\"))\n\t}\n\tT{}.fail(n - 1)\n}\nfmt.Println(os.Getenv(\"A\"))\nT{}.fail(1)"})
	if o.exit.Status != runtimes.NonZeroExit || code(o.exit) != "2" || o.stdout() != "stays\n" || o.Exception != nil ||
		!strings.Contains(o.stderr(), "panic: xx\n") || !strings.Contains(o.stderr(), "\n\t<cell 2>:4 ") || !strings.Contains(o.stderr(), "\n\t<cell 2>:9 ") {
		t.Errorf("a panic: %v", o)
	}
	o = cell(Cell{Code: "func f() int { return 1 }\n\tx := f(\n)\ny := undefined"})
	if x := o.Exception; o.exit.Status != runtimes.Exception || x == nil || x.Name != "CompileError" || x.Message != "<cell 3>:2:2: declared and not used: x" ||
		x.Traceback != "<cell 3>:2:2: declared and not used: x\n<cell 3>:4:1: declared and not used: y\n<cell 3>:4:6: undefined: undefined" || o.stdout()+o.stderr() != "" {
		t.Errorf("an error of the compiler: %v", o)
	}
	if o = cell(Cell{Code: "if {"}); o.Exception == nil || o.Exception.Message != "<cell 4>:1:4: syntax error: missing condition in if statement" {
		t.Errorf("an error of the parser: %v", o)
	}
	if o = cell(Cell{Code: "f()"}); o.Exception == nil || o.Exception.Message != "<cell 5>:1:1: undefined: f" {
		t.Errorf("what could not be compiled has stayed: %v", o)
	}
	if o = cell(Cell{Code: "package main\nimport \"os\"\nfunc main() { os.Exit(7) }"}); code(o.exit) != "7" || o.exit.Status != runtimes.NonZeroExit || o.stderr() != "" {
		t.Errorf("an exit code: %v", o)
	}

	// The packages of a module in the workspace, its files; nothing is left there.
	write(t, env, "go.mod", "module example.com/m\n\ngo 1.22\n")
	write(t, env, "internal/q/q.go", "package q\n\nconst Q = 5\n")
	write(t, env, "text", "embedded")
	if o = cell(Cell{Code: "import \"example.com/m/internal/q\"\nimport _ \"embed\"\n//go:embed text\nvar text string\nfmt.Print(q.Q, text, \"\")"}); o.stdout() != "5embedded" {
		t.Errorf("a module: %v", o)
	}
	listing, err := env.Workspace().ListDirectory(t.Context(), runtimes.ListDirectory{Path: "."})
	if err != nil || len(listing.Entries) != 3 {
		t.Errorf("the workspace: %+v, %v", listing, err)
	}

	if !running {
		return
	}
	p2, r := begin(t, k, Cell{Code: "fmt.Println(\"up\")\nio.Copy(os.Stdout, os.Stdin)\nfmt.Println(\"end\")", Number: 8, OpenStdin: true})
	if _, err := k.Run(&Cell{Code: "1", Number: 9}, newRecorder()); !errors.Is(err, ErrBusy) {
		t.Errorf("two at once: %v", err)
	}
	if _, err := p2.Input([]byte("typed\n")); err != nil {
		t.Error(err)
	}
	p2.CloseInput()
	if o := r.wait(t); o.stdout() != "up\ntyped\nend\n" {
		t.Errorf("open input: %v", o)
	}
	loop := Cell{Code: "import \"time\"\nfmt.Println(\"up\")\ntime.Sleep(time.Hour)", Number: 10}
	p2, r = begin(t, k, loop)
	awaitOutput(t, r, "up\n")
	if ok, err := p2.Signal(sigint); !ok || err != nil {
		t.Errorf("signal: %v, %v", ok, err)
	}
	if o := r.wait(t); o.exit.Signal != "SIGINT" && code(o.exit) != "2" {
		t.Errorf("SIGINT: %v", o)
	}
	p2, r = begin(t, k, loop)
	awaitOutput(t, r, "up\n")
	p2.Stop(runtimes.TimeLimitExceeded)
	if o := r.wait(t); o.exit.Status != runtimes.TimeLimitExceeded || !o.Kept {
		t.Errorf("a time limit: %v", o)
	}
	_, r = begin(t, k, loop)
	awaitOutput(t, r, "up\n")
	k.Close()
	if o := r.wait(t); o.exit.Status != runtimes.Signalled || o.exit.Signal != "SIGKILL" {
		t.Errorf("a kernel that is closed: %v", o)
	}
	<-k.Gone()
	if _, err := k.Run(&Cell{Code: "1", Number: 11}, newRecorder()); !errors.Is(err, ErrGone) {
		t.Errorf("after Close: %v", err)
	}
}

// The examples in the documentation print what they say.
func TestExamplesOfGo(t *testing.T) {
	text, err := os.ReadFile("../../docs/notebooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(string(text), "<!-- cells: checked by TestExamplesOfGo")
	_, examples, _ = strings.Cut(examples, "-->\n")
	examples, _, _ = strings.Cut(examples, "\n- **")
	k, _ := nativePlace(t, runtimes.Go).kernel(t)
	all := strings.Split(strings.TrimSpace(examples), "\n\n")
	for n, example := range all {
		code, want, ok := strings.Cut(example, "// prints ")
		if o := run(t, k, Cell{Code: code, Number: n + 1}); !ok || o.stdout() != want+"\n" || o.exit.Status != runtimes.Completed {
			t.Errorf("%s\nprints %v", example, o)
		}
	}
	if len(all) != 3 {
		t.Errorf("%d examples", len(all))
	}
}

// awaitOutput waits until a cell has printed something.
func awaitOutput(t *testing.T, r *recorder, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		r.mu.Lock()
		told := strings.Join(r.told, "")
		r.mu.Unlock()
		if strings.Contains(told, want) {
			return
		}
		select {
		case exit := <-r.exited:
			t.Fatalf("exited with %v: %q", exit, told)
		case <-ctx.Done():
			t.Fatalf("no %q after a minute: %q", want, told)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
