package script

import (
	"strings"

	"github.com/tdewolff/parse/v2/js"
)

// form is what kind of statement one is, as far as it matters.
type form uint8

const (
	other       form = iota // control, jumps, blocks
	expression              // an expression
	declaration             // const, let, var
	function                // a function
	class                   // a class
	imports                 // import …
	exports                 // export …
	nothing                 // a semicolon
)

// statement is one at top level: tokens[first:end].
type statement struct {
	form       form
	first, end int
}

// reader goes through tokens.
type reader struct {
	tokens []token
	at     int
	failed bool
}

// statementsOf takes a program apart into its statements at top level.
func statementsOf(tokens []token) ([]statement, error) {
	r := &reader{tokens: tokens}
	var all []statement
	for r.at < len(tokens) {
		first := r.at
		f := r.statement(0)
		if r.failed || r.at == first {
			return nil, errTokens
		}
		all = append(all, statement{f, first, r.at})
	}
	return all, nil
}

// is reports whether the token that is n ahead has that text.
func (r *reader) is(n int, text string) bool {
	return r.at+n < len(r.tokens) && r.tokens[r.at+n].text == text
}

// group goes past a bracket with all that is in it.
func (r *reader) group(open string) {
	if !r.is(0, open) || r.tokens[r.at].partner < 0 {
		r.failed = true
		return
	}
	r.at = r.tokens[r.at].partner + 1
}

// deepest bounds how far statements without braces may be in each other.
const deepest = 1000

// statement goes past one statement.
func (r *reader) statement(depth int) form {
	if r.at >= len(r.tokens) || depth > deepest {
		r.failed = true
		return other
	}
	t := r.tokens[r.at]
	switch t.text {
	case ";":
		r.at++
		return nothing
	case "{":
		r.group("{")
		return other
	case "function":
		return r.function()
	case "class", "@":
		return r.class()
	case "const", "var":
		r.rest(r.at + 1)
		return declaration
	case "import":
		if !r.is(1, "(") && !r.is(1, ".") {
			r.at++
			r.module()
			return imports
		}
	case "export":
		return r.export(depth)
	case "async":
		if r.is(1, "function") && !r.tokens[r.at+1].line {
			r.at++
			return r.function()
		}
	case "let":
		if r.at+1 < len(r.tokens) {
			if next := r.tokens[r.at+1]; js.IsIdentifier(next.kind) || next.text == "[" || next.text == "{" {
				r.rest(r.at + 1)
				return declaration
			}
		}
	case "throw", "return", "break", "continue", "debugger":
		r.rest(r.at + 1)
		return other
	case "if", "for", "while", "with", "do", "switch", "try":
		r.control(t.text, depth)
		return other
	}
	if js.IsIdentifier(t.kind) && r.is(1, ":") { // a label
		r.at += 2
		r.statement(depth + 1)
		return other
	}
	r.rest(r.at)
	return expression
}

// control goes past a statement that has others in it.
func (r *reader) control(word string, depth int) {
	r.at++
	switch word {
	case "if":
		r.group("(")
		r.statement(depth + 1)
		if r.is(0, "else") {
			r.at++
			r.statement(depth + 1)
		}
	case "do":
		r.statement(depth + 1)
		if !r.is(0, "while") {
			r.failed = true
			return
		}
		r.at++
		r.group("(")
		if r.is(0, ";") {
			r.at++
		}
	case "switch":
		r.group("(")
		r.group("{")
	case "try":
		r.group("{")
		if r.is(0, "catch") {
			r.at++
			if r.is(0, "(") {
				r.group("(")
			}
			r.group("{")
		}
		if r.is(0, "finally") {
			r.at++
			r.group("{")
		}
	default: // for, while, with
		if r.is(0, "await") {
			r.at++
		}
		r.group("(")
		r.statement(depth + 1)
	}
}

func (r *reader) function() form {
	for r.at < len(r.tokens) && !r.is(0, "(") {
		r.at++
	}
	r.group("(")
	// Between the parameters and the body TypeScript has a type, or no body comes.
	for r.at < len(r.tokens) && !r.failed {
		switch before := r.tokens[r.at-1].text; {
		case r.is(0, ";"):
			r.at++
			return function
		case r.is(0, "{") && !strings.Contains(" : | & => < , is ", " "+before+" "):
			r.group("{")
			return function
		case r.tokens[r.at].partner > r.at:
			r.at = r.tokens[r.at].partner
		}
		r.at++
	}
	r.failed = true
	return function
}

func (r *reader) class() form {
	for r.at < len(r.tokens) && !r.is(0, "{") {
		switch r.tokens[r.at].text {
		case "(", "[":
			r.group(r.tokens[r.at].text)
		default:
			r.at++
		}
	}
	r.group("{")
	return class
}

func (r *reader) export(depth int) form {
	switch {
	case r.is(1, "default") && (r.is(2, "function") || r.is(2, "class") || r.is(2, "async") && r.is(3, "function")):
		r.at += 2
		r.statement(depth + 1)
	case r.is(1, "default"):
		r.rest(r.at + 2)
	case r.is(1, "*"):
		r.at++
		r.module()
	case r.is(1, "{"):
		r.at++
		if end := r.tokens[r.at].partner + 1; end < len(r.tokens) && r.tokens[end].text == "from" {
			r.module()
			break
		}
		r.group("{")
		if r.is(0, ";") {
			r.at++
		}
	default:
		r.at++
		r.statement(depth + 1)
	}
	return exports
}

// module goes to the end of a statement that names a module.
func (r *reader) module() {
	for r.at < len(r.tokens) && r.tokens[r.at].kind != js.StringToken {
		r.at = max(r.at, r.tokens[r.at].partner) + 1
	}
	if r.at++; r.at > len(r.tokens) {
		r.failed = true
		return
	}
	if (r.is(0, "with") || r.is(0, "assert")) && r.is(1, "{") {
		r.at++
		r.group("{")
	}
	if r.is(0, ";") {
		r.at++
	}
}

// rest goes to the end of a statement that a semicolon ends, or the lack of one.
// What is before from belongs to the statement as it is.
func (r *reader) rest(from int) {
	first := r.at
	for r.at = from; r.at < len(r.tokens); {
		t := r.tokens[r.at]
		switch {
		case t.kind == js.SemicolonToken:
			r.at++
			return
		case t.kind == js.CloseBraceToken, t.kind == js.CloseParenToken, t.kind == js.CloseBracketToken:
			r.failed = true
			return
		case t.line && r.at > first && ends(r.tokens[r.at-1]) && operandBegins(t):
			return
		case t.partner > r.at:
			r.at = t.partner + 1
		default:
			r.at++
		}
	}
}

// ends reports whether a statement can end with a token.
func ends(t token) bool { return operandEnds(t) || t.text == "return" }
