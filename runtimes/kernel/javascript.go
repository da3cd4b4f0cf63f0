package kernel

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/script"
)

//go:embed javascript.js
var javascriptSource string

// Bootstraps read the program from the channel. They leave no name behind.
const (
	bootNode = `{const f=require("fs"),r=n=>{const b=Buffer.alloc(n);for(let o=0;o<n;){const k=f.readSync(3,b,o,n-o,null);` +
		`if(!k)process.exit();o+=k}return b},s=r(8),m=r(s.readUInt32LE(0)+s.readUInt32LE(4));` +
		`new Function("host",m.toString("utf8",s.readUInt32LE(0)))({require,load:(n,o)=>import(n,o)})}`
	bootDeno = `import{createRequire}from"node:module";const f=Deno.openSync("/dev/fd/3"),` +
		`r=n=>{const b=new Uint8Array(n);for(let o=0;o<n;){const k=f.readSync(b.subarray(o));if(!k)Deno.exit();o+=k}return b},` +
		`v=new DataView(r(8).buffer),h=v.getUint32(0,true),m=r(h+v.getUint32(4,true));f.close();` +
		`new Function("host",new TextDecoder().decode(m.subarray(h)))({require:createRequire(Deno.cwd()+"/"),load:(n,o)=>import(n,o)})`
)

// oldestNode is the first version of Node whose REPL mode declares constants again.
const oldestNode = 18

func init() {
	engines[runtimes.JavaScript] = javascript
	engines[runtimes.TypeScript] = javascript
}

// javascript is the engine of JavaScript and TypeScript, which have one kernel.
func javascript(t runtimes.Type, l runtimes.Language, tools map[string]string) (Engine, bool) {
	e := Engine{
		Language: l, Languages: []runtimes.Language{runtimes.JavaScript, runtimes.TypeScript},
		source: javascriptSource,
	}
	globals := false
	switch t {
	case runtimes.Bun:
		e.name, e.args = "bun", []string{"-e", bootNode}
		globals, e.opens = true, true
	case runtimes.Deno:
		e.name, e.args = "deno", []string{"eval", "--quiet", bootDeno}
		globals = true
	case runtimes.Native, runtimes.Docker:
		major, _, _ := strings.Cut(tools["node"], ".")
		if n, err := strconv.Atoi(major); err == nil && n < oldestNode {
			return Engine{}, false
		}
		e.name, e.args = "node", []string{"-e", bootNode}
	default:
		return Engine{}, false
	}
	e.prepare = func(c *Cell) (string, *Exception) {
		typed := c.Language == runtimes.TypeScript || c.Language == 0 && l == runtimes.TypeScript
		code, err := script.Rewrite(c.Code, script.Options{TypeScript: typed, Globals: globals})
		var wrong *script.SyntaxError
		if errors.As(err, &wrong) {
			return "", unreadable(wrong, c.Number)
		}
		return code, nil
	}
	return e, true
}

// unreadable is what a cell ends with that is no TypeScript.
func unreadable(e *script.SyntaxError, number int) *Exception {
	var b strings.Builder
	fmt.Fprintf(&b, "<cell %d>:%d\n", number, max(1, e.Line))
	if e.Column > 0 && len(e.Text) <= 200 {
		fmt.Fprintf(&b, "%s\n%s^\n", e.Text, strings.Repeat(" ", e.Column-1))
	}
	b.WriteString("SyntaxError: " + e.Message)
	return &Exception{Name: "SyntaxError", Message: e.Message, Traceback: b.String()}
}
