package kernel

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/bun"
	"github.com/codebeaker/codebeaker/runtimes/deno"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
)

// boxPlace is Bun or Deno.
func boxPlace(t testing.TB, make func(boxed.Options) runtimes.Runtime, language runtimes.Language, groups ...*cgroup.Hierarchy) *place {
	t.Helper()
	o := boxedtest.Options(t)
	if len(groups) > 0 {
		o.Groups = cgroup.Found(groups[0])
	}
	if err := os.Symlink(sharedCache(t), o.CacheDir()); err != nil {
		t.Fatal(err)
	}
	r := make(o)
	a := boxedtest.Available(t, r, language)
	return &place{runtime: r, tools: a.Tools, language: language}
}

// javascriptTests are beside the tables. Each has a kernel of its own in an
// environment that they share.
var javascriptTests = []struct {
	name string
	test func(t *testing.T, p *place, k *Kernel, env runtimes.Environment)
}{
	{"Dies", javascriptDies},
	{"IsStoppedInTime", javascriptIsStoppedInTime},
	{"IsInterrupted", javascriptIsInterrupted},
	{"TakesAndGivesMuch", javascriptTakesAndGivesMuch},
	{"FloodsWithDisplays", javascriptFloodsWithDisplays},
	{"OpenInput", javascriptOpenInput},
	{"KeepsVariablesOfTheEnvironment", javascriptKeepsVariablesOfTheEnvironment},
}

// The engines do not wait for each other: each waits for its own most of the time.
func TestKernelJavaScript(t *testing.T) {
	for name, place := range map[string]func(t *testing.T) *place{
		"Native": func(t *testing.T) *place { return nativePlace(t, runtimes.JavaScript) },
		"Bun":    func(t *testing.T) *place { return boxPlace(t, bun.New, runtimes.JavaScript) },
		"Deno":   func(t *testing.T) *place { return boxPlace(t, deno.New, runtimes.JavaScript) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := place(t)
			typed := *p
			typed.language = runtimes.TypeScript
			env := p.environment(t)
			for _, c := range javascriptTests {
				t.Run(c.name, func(t *testing.T) { c.test(t, p, start(t, env, p.engine(t), Options{}), env) })
			}
			if name == "Native" {
				t.Run("TellsOfWrongTypeScript", func(t *testing.T) { javascriptTellsOfWrongTypeScript(t, start(t, env, typed.engine(t), Options{})) })
			}
			t.Run("Table", func(t *testing.T) { testTable(t, p, env, javascriptOf) })
			t.Run("TableAsTypeScript", func(t *testing.T) { testTable(t, &typed, env, javascriptOf) })
		})
	}
}

// another starts a kernel in the place of one that has to be gone.
func another(t *testing.T, p *place, k *Kernel, env runtimes.Environment) *Kernel {
	t.Helper()
	select {
	case <-k.Gone():
	case <-time.After(10 * time.Second):
		t.Fatal("the kernel is there")
	}
	k = start(t, env, p.engine(t), Options{})
	if got := value(t, k, "20 + 22"); got != "42" {
		t.Errorf("the next kernel says %q", got)
	}
	return k
}

func javascriptDies(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	o := run(t, k, Cell{Code: "console.log('last')\nprocess.kill(process.pid, 'SIGKILL')\nawait new Promise(() => {})", Number: 1})
	if o.exit.Status != runtimes.Signalled || o.exit.Signal != runtimes.SIGKILL.String() || !o.noResult || o.stdout() != "last\n" {
		t.Error(o)
	}
	k = another(t, p, k, env)
	for code, want := range map[string]int{"process.exit(3)": 3, "process.exit()": 0, "await null\nprocess.exit(4)": 4} {
		o := run(t, k, Cell{Code: code, Number: 1})
		if o.exit.Code == nil || *o.exit.Code != want || o.Kept || o.Exception != nil {
			t.Errorf("%s: %v", code, o)
		}
		select {
		case <-k.Gone():
		default:
			t.Errorf("%s: a cell behind it would be given to a kernel that ends", code)
		}
		k = another(t, p, k, env)
	}
}

func javascriptIsStoppedInTime(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	value(t, k, "let before = 7; before")
	for _, code := range []string{"for (;;);", "console.log(1); while (true) Math.random()", "/^(a+)+$/.test('a'.repeat(40) + 'b')"} {
		began := time.Now()
		o := run(t, k, Cell{Code: code, Number: 2, Timeout: 300 * time.Millisecond})
		if o.exit.Status != runtimes.TimeLimitExceeded || !o.Kept || o.Exception == nil || o.Exception.Name != "Interrupted" || time.Since(began) < 290*time.Millisecond {
			t.Fatalf("%s after %v: %v", code, time.Since(began), o)
		}
		if got := value(t, k, "before"); got != "7" {
			t.Errorf("after %s a variable is %q", code, got)
		}
	}
}

// stopped runs a cell that says "on" and is then stopped.
func stopped(t *testing.T, k *Kernel, code string) *outcome {
	t.Helper()
	process, r := begin(t, k, Cell{Code: code, Number: 3})
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		r.mu.Lock()
		on := r.sizes[runtimes.Stdout] > 0 || len(r.exited) > 0
		r.mu.Unlock()
		if on {
			break
		}
	}
	process.Stop(runtimes.TimeLimitExceeded)
	return r.wait(t)
}

func javascriptIsInterrupted(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	value(t, k, "let before = 7; before")
	o := stopped(t, k, "console.log('on')\nawait new Promise(() => {})")
	for attempt := 0; o.noResult && attempt < 4; attempt++ { // a busy machine took longer than the grace
		k = another(t, p, k, env)
		value(t, k, "let before = 7; before")
		o = stopped(t, k, "console.log('on')\nawait new Promise(() => {})")
	}
	if o.exit.Status != runtimes.TimeLimitExceeded || !o.Kept || o.noResult || value(t, k, "before") != "7" {
		t.Error("an await:", o)
	}
	kept := p.engine(t).name != "deno" // it can only be told beforehand
	o = stopped(t, k, "process.stdout.write('on'); for (;;);")
	for attempt := 0; kept && o.noResult && attempt < 4; attempt++ {
		k = another(t, p, k, env)
		value(t, k, "let before = 7; before")
		o = stopped(t, k, "process.stdout.write('on'); for (;;);")
	}
	if o.exit.Status != runtimes.TimeLimitExceeded || o.noResult == kept {
		t.Error("a loop:", o)
	}
	if kept {
		value(t, k, "before")
	} else {
		k = another(t, p, k, env)
	}
	o = stopped(t, k, "await new Promise(r => setTimeout(r, 1))\nprocess.stdout.write('on'); for (;;);")
	if o.exit.Status != runtimes.TimeLimitExceeded || !o.noResult {
		t.Error("a loop after an await:", o)
	}
	another(t, p, k, env)
}

// much is held while 5 MB of code are read: to do that for three engines at once is
// more than a machine of two cores has time for.
var much sync.Mutex

func javascriptTakesAndGivesMuch(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	much.Lock()
	defer much.Unlock()
	if o := run(t, k, Cell{Code: "const s = '" + strings.Repeat("x", 5<<20) + "'\ns.length", Number: 1}); o.Value != "5242880" {
		t.Error("5 MB of code:", o)
	}
	if o := run(t, k, Cell{Code: "require('fs').readFileSync(0).length", Stdin: make([]byte, 8<<20), Number: 2}); o.Value != "8388608" {
		t.Error("8 MB of input:", o)
	}
	if o := run(t, k, Cell{Code: "'é'.repeat(1_000_000)", Number: 3}); len(o.Value) > MaxText || len(o.Value) < 1000 {
		t.Errorf("a long value has %d bytes, cut %v", len(o.Value), o.ValueCut)
	}
	if o := run(t, k, Cell{Code: "throw new Error('m'.repeat(1_000_000))", Number: 4}); o.Exception == nil || len(o.Exception.Message) != MaxText {
		t.Errorf("%+v", o.exit)
	}
}

func javascriptFloodsWithDisplays(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	o := run(t, k, Cell{Code: "for (let i = 0; i < 1000; i++) display(i)\n5", Number: 1})
	if len(o.displays) != MaxDisplays || o.Omitted == 0 || o.Value != "5" {
		t.Errorf("%d displays, %d left out, value %q", len(o.displays), o.Omitted, o.Value)
	}
	o = run(t, k, Cell{Code: "display({ 'text/html': 'x'.repeat(5 << 20), 'text/plain': 'short' })", Number: 2})
	if len(o.displays) != 1 || !o.displays[0].Cut || len(o.displays[0].Parts) != 1 || o.Omitted > 0 {
		t.Errorf("%d displays, %v", len(o.displays), o.Omitted)
	}
	o = run(t, k, Cell{Code: "display({ 'text/html': 'x'.repeat(4 << 20) })", Number: 3})
	if len(o.displays) != 1 || o.displays[0].Cut || len(o.displays[0].Parts[0].Data) != MaxDisplay {
		t.Errorf("%d displays", len(o.displays))
	}
}

func javascriptOpenInput(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	for _, code := range []string{
		"let got = []\nfor (let l; (l = prompt()) !== null;) got.push(l)\ngot.join('|').length",
		"let text = ''\nprocess.stdin.setEncoding('utf8')\nfor await (const part of process.stdin) text += part\ntext.trim().length",
	} {
		process, r := begin(t, k, Cell{Code: code, Stdin: []byte("one\n"), OpenStdin: true, Number: 1})
		for _, line := range []string{"two\n", strings.Repeat("x", 200_000) + "\n"} {
			for rest := []byte(line); len(rest) > 0; {
				n, err := process.Input(rest)
				if err != nil {
					t.Fatal(err)
				}
				if rest = rest[n:]; n == 0 {
					select {
					case <-r.ready:
					case <-time.After(10 * time.Second):
						t.Fatalf("no room for %d bytes", len(rest))
					}
				}
			}
		}
		process.CloseInput()
		if o := r.wait(t); o.Value != "200008" {
			t.Errorf("%s: %v", code, o)
		}
	}
}

func javascriptKeepsVariablesOfTheEnvironment(t *testing.T, p *place, k *Kernel, env runtimes.Environment) {
	run(t, k, Cell{Code: "1", Number: 1, Env: []string{"OF_A_CELL=a=b"}})
	o := run(t, k, Cell{Code: "console.log(process.env.OF_A_CELL)\nconsole.log(require('child_process').execSync('echo $OF_A_CELL').toString().trim())", Number: 2})
	if o.stdout() != "a=b\na=b\n" {
		t.Error(o)
	}
}

func javascriptTellsOfWrongTypeScript(t *testing.T, k *Kernel) {
	o := run(t, k, Cell{Code: "let a: number = 1\nlet b: = 2", Number: 3})
	if o.Exception == nil || o.Exception.Name != "SyntaxError" || !strings.HasPrefix(o.Exception.Traceback, "<cell 3>:2\nlet b: = 2\n       ^\n") || !o.Kept {
		t.Error(o)
	}
	o = run(t, k, Cell{Code: "enum Color { Red, Green }\nabstract class Shape<T> {\n  constructor(protected readonly name: T) {}\n  abstract area(): number\n}\n" +
		"namespace N { export const x = 5 }\ninterface Point { x: number }\nconst fail = (p: Point): never => {\n  throw new Error(`${Color.Green} ${N.x}`)\n}\nfail({ x: 1 } satisfies Point)", Number: 4})
	if o.Exception == nil || o.Exception.Message != "1 5" || !strings.Contains(o.Exception.Traceback, "<cell 4>:9:") || !strings.Contains(o.Exception.Traceback, "<cell 4>:11:") {
		t.Error(o)
	}
	if got := value(t, k, "Color[Color.Red] as string"); got != "'Red'" {
		t.Error(got)
	}
}

func BenchmarkCellJavaScript(b *testing.B) {
	for name, place := range map[string]func() *place{
		"Node": func() *place { return nativePlace(b, runtimes.JavaScript) },
		"Bun":  func() *place { return boxPlace(b, bun.New, runtimes.JavaScript) },
		"Deno": func() *place { return boxPlace(b, deno.New, runtimes.JavaScript) },
	} {
		b.Run(name, func(b *testing.B) {
			p := place()
			env, e := p.environment(b), p.engine(b)
			began := time.Now()
			k := start(b, env, e, Options{})
			value(b, k, "40 + 2")
			b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "start-ms")
			for _, of := range []struct {
				name     string
				language runtimes.Language
			}{{"next", runtimes.JavaScript}, {"typescript", runtimes.TypeScript}} {
				b.Run(of.name, func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						at := time.Now()
						run(b, k, Cell{Code: "const x = 20; x + 22", Number: 1, Language: of.language})
						took = append(took, time.Since(at))
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
					b.ReportMetric(float64(took[len(took)/10].Microseconds())/1000, "p10-ms")
				})
			}
		})
	}
}
