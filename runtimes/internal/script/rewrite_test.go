package script

import (
	"errors"
	"strings"
	"testing"
)

// rewritten is what becomes of cells, for V8 and for engines that want globals.
var rewritten = []struct{ cell, v8, globals string }{
	{"", "\n;void 0", "\n;0"},
	{"1+1", "1+1", ";[1+1]"},
	{"1;", "1;\n;void 0", "1;\n;0"},
	{"x = 1 // c", "x = 1 // c", ";[x = 1] // c"},
	{"a\n+b", "a\n+b", ";[a\n+b]"},
	{"a\n++\nb", "a\n++\nb", "a\n++\n;[b]"},
	{"a = b\n(c)", "a = b\n(c)", ";[a = b\n(c)]"},
	{"f`a${ {b:1}.b }c`\n`d`", "f`a${ {b:1}.b }c`\n`d`", ";[f`a${ {b:1}.b }c`\n`d`]"},
	{"/re/g.test('x') / 2 / 3", "/re/g.test('x') / 2 / 3", ";[/re/g.test('x') / 2 / 3]"},
	{"if (a) /}/.test(b)", "if (a) /}/.test(b)\n;void 0", "if (a) /}/.test(b)\n;0"},
	{"const x = 1; x", "const x = 1; x", "var x = 1; ;[x]"},
	{"let {a,b:[c,...d],e=5,['k']:g}=h\na", "let {a,b:[c,...d],e=5,['k']:g}=h\na", "var {a,b:[c,...d],e=5,['k']:g}=h\n;[a]"},
	{"let a = 1, b", "let a = 1, b\n;void 0", "var a = 1, b=undefined\n;0"},
	{"await 5", "await 5", "(async()=>{;return[await 5]\n})()"},
	{"f\nconst y = await 5\ny", "f\nconst y = await 5\ny", "var y;(async()=>{f\n;( y = await 5);\n;return[y]\n})()"},
	{
		"let {a, b: {c = 1}, ...d} = await f(), e; var g;", "let {a, b: {c = 1}, ...d} = await f(), e; var g;\n;void 0",
		"var a,c,d,e,g;(async()=>{;( {a, b: {c = 1}, ...d} = await f(), e=undefined); ;( g);\n})()",
	},
	{"async function g(){}\nawait g()", "async function g(){}\nawait g()", "(async()=>{globalThis.g=g;async function g(){}\n;return[await g()]\n})()"},
	{"function f(){}", "function f(){}\n;void 0", "function f(){}\n;0"},
	{"class A extends (class{}) {}\nnew A", "class A extends (class{}) {}\nnew A", "var A;;A=class A extends (class{}) {};\n;[new A]"},
	{"{a:1}", "({a:1})", "[{a:1}]"},
	{"{a, b: await c}", "({a, b: await c})", "(async()=>[{a, b: await c}])()"},
	{"{...a}", "({...a})", "[{...a}]"},
	{"{ f() }", "{ f() }\n;void 0", "{ f() }\n;0"},
	{"{ a: for(;;) {} }", "{ a: for(;;) {} }\n;void 0", "{ a: for(;;) {} }\n;0"},
	{"for (;;)\n f()", "for (;;)\n f()\n;void 0", "for (;;)\n f()\n;0"},
	{"if (a)\n b\nelse\n c\nd", "if (a)\n b\nelse\n c\nd", "if (a)\n b\nelse\n c\n;[d]"},
	{"do x++; while (x < 5)\nx", "do x++; while (x < 5)\nx", "do x++; while (x < 5)\n;[x]"},
	{"try { a } catch { b } finally { c }", "try { a } catch { b } finally { c }\n;void 0", "try { a } catch { b } finally { c }\n;0"},
	{"l: for (;;) break l", "l: for (;;) break l\n;void 0", "l: for (;;) break l\n;0"},
	{"import 'x'", ";await __import('x');\n;void 0", "(async()=>{;await __import('x');\n})()"},
	{"import x from 'fs'; x", ";const {default:x}=await __import('fs'); x", "var x;(async()=>{;({default:x}=await __import('fs')); ;return[x]\n})()"},
	{"import * as x from 'fs'", ";const x=await __import('fs');\n;void 0", "var x;(async()=>{;x=await __import('fs');\n})()"},
	{"import x, * as y from 'z'", ";const y=await __import('z'),{default:x}=y;\n;void 0", "var x,y;(async()=>{;({default:x}=y=await __import('z'));\n})()"},
	{
		"import {\n a,\n b as c,\n 'd e' as f\n} from './z' with {type: 'json'}\na",
		";const {a,b:c,'d e':f}=await __import('./z',{with:{type: 'json'}});\n\n\n\n\na",
		"var a,c,f;(async()=>{;({a,b:c,'d e':f}=await __import('./z',{with:{type: 'json'}}));\n\n\n\n\n;return[a]\n})()",
	},
	{"import from from 'x'", ";const {default:from}=await __import('x');\n;void 0", "var from;(async()=>{;({default:from}=await __import('x'));\n})()"},
	{"import a\nfrom\n'x'\nwith {}\na", ";const {default:a}=await __import('x',{with:{}});\n\n\n\na", "var a;(async()=>{;({default:a}=await __import('x',{with:{}}));\n\n\n\n;return[a]\n})()"},
	{"import.meta.url", "__import.meta.url", ";[__import.meta.url]"},
	{"f(import('x'))", "f(__import('x'))", ";[f(__import('x'))]"},
	{"'import(1)' + o.import(1)", "'import(1)' + o.import(1)", ";['import(1)' + o.import(1)]"},
	{"export const v = 1", "const v = 1\n;void 0", "var v = 1\n;0"},
	{"export default {a: 1}", "({a: 1})", ";[{a: 1}]"},
	{"export default class {}", ";void class {}\n;void 0", ";void class {}\n;0"},
	{"export default function f() {}", "function f() {}\n;void 0", "function f() {}\n;0"},
	{"export {v, z as y} from 'x'\nexport * from 'y'", ";await __import('x');\n;await __import('y');\n;void 0", "(async()=>{;await __import('x');\n;await __import('y');\n})()"},
	{"export {v}", ";\n;void 0", ";\n;0"},
	// What cannot be understood is for the engine to complain of.
	{"f(", "f(", "f("},
	{"1 2 }", "1 2 }", "1 2 }"},
	{"'a", "'a", "'a"},
	{"a\x00b", "a\x00b", "a\x00b"},
}

func TestCellsAreRewritten(t *testing.T) {
	for _, c := range rewritten {
		for globals, want := range map[bool]string{false: c.v8, true: c.globals} {
			got, err := Rewrite(c.cell, Options{Globals: globals})
			if err != nil || got != want {
				t.Errorf("%q with globals %t:\n got %q, %v\nwant %q", c.cell, globals, got, err, want)
			}
		}
	}
}

const typed = `interface A {
  x: number
}
enum E {
  P = 1,
  Q,
}
function f(a: A): number {
  return (
    a.x
  )
}
const t = ` + "`é𝒳\nb${f({x: 3})}`" + `
class C<T> {
  constructor(private y: T) {}

  get() { throw new Error('q') } // line 18
}
import type { Z } from './z'
import { q, type W } from './q'

new C<E>(E.Q) as C<E>`

func TestTypesAreTakenOffAndLinesStay(t *testing.T) {
	got, err := Rewrite(typed, Options{TypeScript: true})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got, "\n")
	for n, want := range map[int]string{4: "var E", 8: "function f(a)", 13: "const t = `é𝒳", 18: `throw new Error("q")`, 21: `{q}=await __import("./q")`, 23: "new C("} {
		if n > len(lines) || !strings.Contains(lines[n-1], want) {
			t.Errorf("line %d has no %q in:\n%s", n, want, got)
		}
	}
	if strings.Contains(got, "./z") || strings.Contains(got, "void 0") {
		t.Errorf("got:\n%s", got)
	}
}

func TestTypeScriptHasValuesAsItsSourceSays(t *testing.T) {
	for cell, want := range map[string]string{
		"1 as any": "(1);", "1 as any;": "1;\n;void 0", "{a: 1}": "({ a: 1 });", "'a' + 'b'": `("ab");`, "function f(a): {x: 1} { return a }\n[f]": "function f(a) { return a; } \n([f]);", "let x: string | undefined": "let x;\n;void 0",
		"type A = 1": "\n;void 0",
	} {
		if got, err := Rewrite(cell, Options{TypeScript: true}); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", cell, got, err, want)
		}
	}
}

func TestNoTypeScript(t *testing.T) {
	_, err := Rewrite("let a = 1\nconst x: = 3", Options{TypeScript: true})
	var e *SyntaxError
	if !errors.As(err, &e) || e.Line != 2 || e.Column != 10 || e.Text != "const x: = 3" || e.Message != `Unexpected "="` {
		t.Errorf("got %+v", err)
	}
}

func FuzzRewrite(f *testing.F) {
	for _, c := range rewritten {
		f.Add(c.cell)
	}
	f.Add(typed)
	f.Fuzz(func(t *testing.T, cell string) {
		for _, o := range []Options{{}, {Globals: true}} {
			got, err := Rewrite(cell, o)
			if err != nil {
				t.Fatal(err)
			}
			// Every line of the cell is a line of what becomes of it.
			if a, b := strings.Count(cell, "\n"), strings.Count(got, "\n"); b < a || b > a+1 {
				t.Errorf("%q: %d line breaks, then %d: %q", cell, a, b, got)
			}
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	for _, c := range []struct {
		name string
		o    Options
	}{{"V8", Options{}}, {"Globals", Options{Globals: true}}, {"TypeScript", Options{TypeScript: true}}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Rewrite("const [a, b] = [1, 2]\nfunction f(x) { return x * 2 }\nf(a) + b", c.o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
