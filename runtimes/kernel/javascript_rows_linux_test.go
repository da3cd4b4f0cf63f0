package kernel

func init() { table = append(table, javascriptTable...) }

// javascriptTable are the rows that only JavaScript has. They are run as
// TypeScript, too.
var javascriptTable = []row{
	// Values.
	{name: "a list", javascript: "[1, 'a', null]", want: want{value: "[ 1, 'a', null ]"},
		on: map[string]want{"bun": {value: `[ 1, "a", null ]`}, "deno": {value: `[ 1, "a", null ]`}}},
	{name: "minus zero and bigint", javascript: "[-0, 10n ** 20n]", want: want{value: "[ -0, 100000000000000000000n ]"}},
	{name: "a bigint", javascript: "10n", want: want{value: "10n"}},
	{name: "minus zero", javascript: "-0", want: want{value: "-0"}},
	{name: "no number", javascript: "0 / 0", want: want{value: "NaN"}},
	{name: "null", javascript: "null", want: want{value: "null"}},
	{name: "a symbol", javascript: "Symbol('q')", want: want{value: "Symbol(q)"}},
	{name: "a function", javascript: "(function f() {})", want: want{value: "[Function: f]"}},
	{name: "a map", javascript: "new Map([[1, 2]])", want: want{value: "Map(1) { 1 => 2 }"}, on: map[string]want{"bun": {value: "Map(1) {\n  1: 2,\n}"}}},
	{name: "a promise is not waited for", javascript: "new Promise(() => {})", want: want{value: "Promise { <pending> }"}},
	{name: "a method of many lines", javascript: "[3, 1, 2]\n  .sort()\n  .map(x => x * 2)\n  .length", want: want{value: "3"}},
	{name: "a block has none", javascript: "if (true) { 5 }", want: want{}},
	{name: "a declaration has none", javascript: "1; let none = 2", want: want{}},
	{name: "a function statement has none", javascript: "1; function none1() {}", want: want{}},
	{name: "an empty object", javascript: "{}", want: want{value: "{}"}},
	{name: "a block that is no object", javascript: "{ let b = 5; console.log(b) }", want: want{stdout: "5\n"}},
	{name: "regular expressions", javascript: "'a/b'.split(/\\//).length / 2 / 1", want: want{value: "1"}},
	{name: "templates", javascript: "`a${`b${1}`}\n{`", want: want{value: `'ab1\n{'`}, on: map[string]want{"bun": {value: `"ab1\n{"`}, "deno": {value: `"ab1\n{"`}}},

	// State.
	{name: "let again", javascript: "let l1 = 1\n----\nlet l1\nl1 === undefined", want: want{value: "true"}},
	{name: "a class again", javascript: "class D { a = 1 }\n----\nclass D { a = 2 }\nnew D().a", want: want{value: "2"}},
	{name: "a function again", javascript: "function g1() { return 1 }\n----\nfunction g1() { return 2 }\ng1()", want: want{value: "2"}},
	{name: "destructuring", javascript: "const { a: [d1, ...d2], b = 7, ...d3 } = { a: [1, 2, 3], c: 4 }\n----\nd1 + d2.length + b + d3.c", want: want{value: "14"}},
	{name: "destructuring after an await", javascript: "let [e1, { e2 = 5 }] = await [1, {}], e3\nfunction later1() { return e1 + e2 }\n----\nlater1() + (e3 === undefined ? 1 : 0)", want: want{value: "7"}},
	{name: "a class after an await", javascript: "await null\nclass W { v = 3 }\n----\nnew W().v", want: want{value: "3"}},
	{name: "a function sees what comes later", javascript: "function reads() { return late1 }\n----\nconst late1 = 8\n----\nreads()", want: want{value: "8"}},
	{name: "no semicolons", javascript: "const s1 = 1\nconst s2 = await s1\nconst s3 = [s1, s2]\ns3.length", want: want{value: "2"}},
	{name: "globalThis", javascript: "globalThis.gl = 4\n----\ngl", want: want{value: "4"}},
	{name: "an error leaves what was", javascript: "const before1 = 1; throw new Error('x')\n----\nbefore1", want: want{value: "1"}},

	// Modules.
	{name: "import *", javascript: "import * as p1 from 'node:path'\np1.basename('/a/b')", want: want{value: "'b'"}, on: map[string]want{"bun": {value: `"b"`}, "deno": {value: `"b"`}}},
	{name: "imports of many lines", javascript: "import {\n  join,\n  basename as base1,\n} from 'node:path'\nthrow new Error(base1(join('x', 'y')))", want: want{exception: "Error", message: "y", lines: []int{5}}},
	{name: "a module of the workspace", javascript: "require('fs').writeFileSync('m1.mjs', 'export default 5; export const named = 6')\nimport five, { named } from './m1.mjs'\nfive + named", want: want{value: "11"}},
	{name: "import()", javascript: "const { sep } = await import('node:path')\nsep === '/'", want: want{value: "true"}},
	{name: "require", javascript: "require('node:path').sep === '/'", want: want{value: "true"}},
	{name: "require of the workspace", javascript: "require('fs').writeFileSync('m2.cjs', 'exports.a = 7')\nrequire('./m2.cjs').a", want: want{value: "7"}},
	{name: "JSON", javascript: "require('fs').writeFileSync('d.json', '{\"a\": 9}')\nimport d1 from './d.json' with { type: 'json' }\nd1.a", want: want{value: "9"}},
	{name: "import.meta", javascript: "import.meta.url.startsWith('file:///workspace/')", want: want{value: "true"}},
	{name: "export is dropped", javascript: "export const ex = 5\nexport default function exd() { return 6 }\nexport { ex as other }\n----\nex + exd()", want: want{value: "11"}},
	{name: "no module", javascript: "try { await import('no-such-module') } catch (e) { console.log('none') }", want: want{stdout: "none\n"}},
	{name: "text that looks like an import", javascript: "const im = `\nimport x from 'y'\n`\n// import z from 'z'\nim.length", want: want{value: "19"}},

	// Exceptions.
	{name: "lines of functions of other cells", javascript: "// one\nfunction bad1(x) {\n\n  throw new RangeError('r')\n}\n----\nlet a2 = 1\n\nbad1(a2)", want: want{exception: "RangeError", message: "r", lines: []int{4, 3}}},
	{name: "lines after an await in the cell", javascript: "const v1 = await 1\n\nthrow new Error('a')", want: want{exception: "Error", message: "a", lines: []int{3}}},
	{name: "lines after many declarations", javascript: "const { q1, q2 = 2 } = {},\n  q3 = 4\nclass Q4 {\n  m() {\n    null.x\n  }\n}\nnew Q4().m()", want: want{exception: "TypeError", lines: []int{5, 8}},
		on: map[string]want{
			"node": {exception: "TypeError", message: "Cannot read properties of null (reading 'x')", lines: []int{5, 8}},
			"deno": {exception: "TypeError", message: "Cannot read properties of null (reading 'x')", lines: []int{5, 8}},
			"bun":  {exception: "TypeError", message: "null is not an object (evaluating 'null.x')", lines: []int{5, 8}}}},
	{name: "a number is thrown", javascript: "throw 5", want: want{exception: "number", message: "5"}},
	{name: "a text is thrown", javascript: "throw 'no'", want: want{exception: "string", message: "no"}},
	{name: "an object is thrown", javascript: "throw { a: 1 }", want: want{exception: "Object", message: "{ a: 1 }"}, on: map[string]want{"bun": {exception: "Object", message: "{\n  a: 1,\n}"}}},
	{name: "undefined is thrown", javascript: "throw undefined", want: want{exception: "undefined", message: "undefined"}},
	{name: "null is thrown", javascript: "throw null", want: want{exception: "null", message: "null"}},
	{name: "a rejection", javascript: "\nawait Promise.reject(new Error('rej'))", want: want{exception: "Error", message: "rej", lines: []int{2}}},
	{name: "causes", javascript: "throw new Error('outer', {\n  cause: new Error('inner') })", want: want{exception: "Error", message: "outer", lines: []int{1, 2}}},
	{name: "an exception of one's own", javascript: "class Mine extends Error { name = 'Mine' }\nthrow new Mine('m')", want: want{exception: "Mine", message: "m", lines: []int{2}}},
	{name: "an exception of another kind is caught", javascript: "try { null.x } catch (e) { e instanceof TypeError && console.log('caught') }", want: want{stdout: "caught\n"}},
	{name: "a value that cannot be shown", javascript: "({ get [Symbol.toStringTag]() { throw 1 } }, 5)", want: want{value: "5"}},
	{name: "a proxy that throws", javascript: "throw new Proxy({}, { get() { throw new Error('trap') } })", want: want{exception: "Error", message: "what was thrown cannot be shown"}},

	// Output.
	{name: "much and order", javascript: "for (let i = 0; i < 3; i++) { console.log(i); process.stdout.write('w\\n') }", want: want{stdout: "0\nw\n1\nw\n2\nw\n"}},
	{name: "a child of JavaScript writes", javascript: "console.log('a')\nrequire('child_process').spawnSync('echo', ['b'], { stdio: 'inherit' })\nconsole.log('c')", want: want{stdout: "a\nb\nc\n"}},
	{name: "children have no channel", javascript: "require('child_process').execSync('ls /proc/self/fd | wc -l', { stdio: ['ignore', 'pipe', 'inherit'] }).toString().trim() * 1", want: want{value: "4"}},
	{name: "an error in a timer", javascript: "setTimeout(() => { throw new Error('late') })\nawait new Promise(r => setTimeout(r, 50))", want: want{stderr: "Uncaught Error: late\n    at Timeout._onTimeout (<cell 1>:1:26)\n"},
		on: map[string]want{"bun": {stderr: "at <cell 1>:1:46\n"}, "deno": {stderr: "<cell 1>:1:37)\n"}}},
	{name: "a rejection nobody takes", javascript: "Promise.reject(new Error('lost'))\nawait new Promise(r => setTimeout(r, 50))", want: want{stderr: "Uncaught (in promise) Error: lost\n    at <cell 1>:1:16\n"},
		on: map[string]want{"bun": {stderr: "at <cell 1>:1:36\n"}, "deno": {stderr: "at <cell 1>:1:27\n"}}},

	// Input.
	{name: "prompts", javascript: "const i3 = prompt('name?'), i4 = prompt(), i5 = prompt();\n[i3, i4, i5].join()", stdin: "one\ntwo\n", want: want{value: "'one,two,'", stdout: "name? "},
		on: map[string]want{"bun": {value: `"one,two,"`, stdout: "name? "}, "deno": {value: `"one,two,"`, stdout: "name? "}}},
	{name: "a file of the input", javascript: "require('fs').readFileSync(0, 'utf8').length", stdin: "héllo", want: want{value: "5"}},
	{name: "process.stdin", javascript: "let all1 = ''\nfor await (const part of process.stdin) all1 += part\nall1.length", stdin: "four", want: want{value: "4"}},
	{name: "readline", javascript: "const rl1 = require('readline').createInterface({ input: process.stdin })\nconst ls1 = []\nfor await (const line of rl1) ls1.push(line)\nls1.join('|').length", stdin: "a\nbc\n", want: want{value: "4"}},
	{name: "no input of JavaScript", javascript: "[prompt(), require('fs').readFileSync(0, 'utf8')].length", want: want{value: "2"}},

	// Displays.
	{name: "a bundle of JavaScript", javascript: "display({ 'text/html': '<b>', 'image/png': new Uint8Array([137, 80]) })", want: want{told: []string{"display:text/html,image/png"}}},
	{name: "a bundle as a value", javascript: "const b1 = { 'text/html': '<b>' }; b1", want: want{value: "{ 'text/html': '<b>' }", told: []string{"main:text/html"}},
		on: map[string]want{"bun": {value: "{\n  \"text/html\": \"<b>\",\n}", told: []string{"main:text/html"}}, "deno": {value: `{ "text/html": "<b>" }`, told: []string{"main:text/html"}}}},
	{name: "a value that shows itself", javascript: "const b2 = { [Symbol.for('Jupyter.display')]: () => ({ 'text/html': '<i>' }) }; display(b2);", want: want{told: []string{"display:text/html"}}},
	{name: "a circle", javascript: "const c1 = {}; c1.c1 = c1; display(c1);", want: want{told: []string{"display:text/plain"}}},
	{name: "a display after an await", javascript: "await null; display(1); await null; display('x');", want: want{told: []string{"display:application/json,text/plain", "display:application/json,text/plain"}}},

	// Text of every kind.
	{name: "a zero byte in a text", javascript: "'a\\0b'.length", want: want{value: "3"}},
	{name: "a lone surrogate of JavaScript", javascript: "throw new Error('\\ud800')", want: want{exception: "Error", message: "\uFFFD", lines: []int{1}}},
	{name: "the environment", javascript: "process.env.HOME", want: want{value: "'/home/user'"}, on: map[string]want{"bun": {value: `"/home/user"`}, "deno": {value: `"/home/user"`}}},
	{name: "the directory", javascript: "process.cwd()", want: want{value: "'/workspace'"}, on: map[string]want{"bun": {value: `"/workspace"`}, "deno": {value: `"/workspace"`}}},
	{name: "no names of ours", javascript: "typeof host + typeof queue + typeof session", want: want{value: "'undefinedundefinedundefined'"},
		on: map[string]want{"bun": {value: `"undefinedundefinedundefined"`}, "deno": {value: `"undefinedundefinedundefined"`}}},
	{name: "timers go on", javascript: "let ticks = 0\nconst timer1 = setInterval(() => ticks++, 1)\n----\nawait new Promise(r => setTimeout(r, 60))\nclearInterval(timer1)\nticks > 3", want: want{value: "true"}},
}

func javascriptOf(r *row) string { return r.javascript }
