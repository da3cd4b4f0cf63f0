// Package script prepares cells of JavaScript and TypeScript for engines whose way
// to evaluate text knows no modules: imports become calls, exports are dropped,
// types are taken off. What is rewritten stays on its line.
package script

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tdewolff/parse/v2/js"
)

// Options say what for a cell is prepared.
type Options struct {
	// TypeScript: the source is TypeScript.
	TypeScript bool
	// Globals makes variables, functions and classes at top level properties of the
	// global object, for engines that do not let a cell declare again what an
	// earlier one has. The result is then a script whose value, or the value of
	// whose promise, is an array of the last expression's value, and anything else
	// where there is none.
	// False: a script for V8's REPL mode, whose value is the last expression's.
	Globals bool
}

// Rewrite prepares a cell. Text that cannot be understood is returned as it is, for
// the engine to complain; the error is a *SyntaxError.
//
// A cell has a value where its last statement is an expression that no semicolon
// ends. A cell that is one pair of braces is an object rather than a block where it
// can be one.
//
// Code that would cost too much, as it is nested without end, is a *SyntaxError too.
func Rewrite(source string, o Options) (string, error) {
	if o.TypeScript || len(source) > small {
		return byWorker(source, o)
	}
	return rewrite(source, o)
}

func rewrite(source string, o Options) (string, error) {
	hidden := false
	if o.TypeScript {
		if tokens, err := tokensOf(source); err == nil && len(tokens) > 0 {
			hidden = tokens[len(tokens)-1].kind == js.SemicolonToken
			if isObject(tokens) {
				source = inParentheses(source, tokens)
			} else if !hidden {
				source = marked(source, tokens)
			}
		}
		var err error
		if source, err = strip(source); err != nil {
			return "", err
		}
	}
	tokens, err := tokensOf(source)
	if err != nil {
		return source, nil
	}
	w := &writer{source: source, tokens: tokens, globals: o.Globals}
	if isObject(tokens) {
		return w.object(), nil
	}
	if w.statements, err = statementsOf(tokens); err != nil {
		return source, nil
	}
	return w.rewrite(hidden, o.TypeScript), nil
}

// isObject reports whether a cell is an object in braces.
func isObject(tokens []token) bool {
	if len(tokens) < 2 || tokens[0].text != "{" || tokens[0].partner != len(tokens)-1 {
		return false
	}
	first, second := tokens[1], token{}
	if len(tokens) > 3 {
		second = tokens[2]
	}
	switch {
	case len(tokens) == 2, first.kind == js.EllipsisToken:
		return true
	case first.kind != js.StringToken && !js.IsNumeric(first.kind) && !js.IsIdentifierName(first.kind):
		return false
	case len(tokens) == 3:
		return js.IsIdentifier(first.kind)
	case second.text == ",":
		return js.IsIdentifier(first.kind)
	}
	return second.text == ":" && len(tokens) > 4 && !strings.Contains(" for while do if switch ", " "+tokens[3].text+" ")
}

func inParentheses(source string, tokens []token) string {
	start, end := tokens[0].start, tokens[len(tokens)-1].end
	return source[:start] + mark + "(" + source[start:end] + ")" + source[end:]
}

// edit puts text in the place of source[start:end].
type edit struct {
	start, end int
	text       string
}

type writer struct {
	source     string
	tokens     []token
	statements []statement
	globals    bool

	edits     []edit
	names     []string // to be declared as globals
	functions []string
	async     bool
}

func (w *writer) replace(start, end int, text string) {
	// The lines that go are put back behind what comes.
	w.edits = append(w.edits, edit{start, end, text + strings.Repeat("\n", strings.Count(w.source[start:end], "\n"))})
}

func (w *writer) insert(at int, text string) { w.edits = append(w.edits, edit{at, at, text}) }

// object is a cell that is one object.
func (w *writer) object() string {
	w.calls()
	w.async = w.awaits()
	first, last := w.tokens[0], w.tokens[len(w.tokens)-1]
	switch {
	case !w.globals:
		w.insert(first.start, "(")
		w.insert(last.end, ")")
	case w.async:
		w.insert(first.start, "(async()=>[")
		w.insert(last.end, "])()")
	default:
		w.insert(first.start, "[")
		w.insert(last.end, "]")
	}
	return w.result()
}

func (w *writer) awaits() bool {
	return slices.ContainsFunc(w.tokens, func(t token) bool { return t.kind == js.AwaitToken }) ||
		slices.ContainsFunc(w.statements, func(s statement) bool {
			return s.form == imports || s.form == exports && w.from(s) >= 0
		})
}

// rewrite is a cell of statements. hidden: it shows no value, whatever its end;
// closed: the last semicolon is not the user's.
func (w *writer) rewrite(hidden, closed bool) string {
	w.calls()
	w.async = w.awaits()
	shown := -1
	for i, s := range w.statements {
		f := s.form
		if f == exports {
			f, s = w.export(s, i == len(w.statements)-1)
		}
		if f == expression && i == len(w.statements)-1 && !hidden && (closed || w.tokens[s.end-1].kind != js.SemicolonToken) {
			shown = i
			w.show(s)
		}
		switch {
		case f == imports:
			w.imports(s)
		case !w.globals:
		case f == declaration:
			w.declare(s)
		case f == class:
			w.class(s)
		case f == function && w.async:
			w.function(s)
		}
	}
	w.frame(shown >= 0)
	return w.result()
}

// show makes the last expression the value.
func (w *writer) show(s statement) {
	if !w.globals {
		return
	}
	end := w.tokens[s.end-1]
	if end.kind == js.SemicolonToken {
		end = w.tokens[s.end-2]
	}
	before := ";["
	if w.async {
		before = ";return["
	}
	w.insert(w.tokens[s.first].start, before)
	w.insert(end.end, "]")
}

// frame puts around all what it needs.
func (w *writer) frame(shown bool) {
	before, after := "", ""
	switch {
	case !w.globals:
		if !shown {
			after = "\n;void 0"
		}
	case w.async:
		for _, name := range w.functions {
			before += "globalThis." + name + "=" + name + ";"
		}
		before = "(async()=>{" + before
		after = "\n})()"
	case !shown:
		after = "\n;0"
	}
	if len(w.names) > 0 {
		slices.Sort(w.names)
		before = "var " + strings.Join(slices.Compact(w.names), ",") + ";" + before
	}
	w.edits = slices.Insert(w.edits, 0, edit{text: before})
	w.insert(len(w.source), after)
}

// result applies the edits.
func (w *writer) result() string {
	slices.SortStableFunc(w.edits, func(a, b edit) int { // what is inserted comes before what is replaced there
		return cmp.Or(a.start-b.start, min(a.end-a.start, 1)-min(b.end-b.start, 1))
	})
	var b strings.Builder
	at := 0
	for _, e := range w.edits {
		if e.start < at { // inside of what was replaced
			continue
		}
		b.WriteString(w.source[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.WriteString(w.source[at:])
	return b.String()
}

// calls rewrites import() and import.meta, wherever they are.
func (w *writer) calls() {
	for i, t := range w.tokens {
		if t.kind != js.ImportToken || i+1 == len(w.tokens) || i > 0 && (w.tokens[i-1].text == "." || w.tokens[i-1].text == "?.") {
			continue
		}
		if next := w.tokens[i+1].text; next == "(" || next == "." {
			if next == "(" && w.tokens[i+1].partner+1 < len(w.tokens) && w.tokens[w.tokens[i+1].partner+1].text == "{" {
				continue // a method of that name
			}
			w.replace(t.start, t.end, "__import")
		}
	}
}

// binding is what a cell is given of a module.
type binding struct{ whole, pattern string }

// imports rewrites one import statement.
func (w *writer) imports(s statement) {
	t := w.tokens[s.first:s.end]
	if t[len(t)-1].kind == js.SemicolonToken {
		t = t[:len(t)-1]
	}
	name := slices.IndexFunc(t, func(t token) bool { return t.kind == js.StringToken })
	if from := slices.IndexFunc(t, func(t token) bool { return t.kind == js.FromToken }); from > 1 || from == 1 && len(t) > 3 && t[2].text == "from" {
		for from+1 < len(t) && t[from+1].kind != js.StringToken {
			from++
		}
		name = from + 1
	}
	if name < 0 || name >= len(t) {
		return
	}
	call := "await __import(" + t[name].text
	if len(t) > name+2 && (t[name+1].text == "with" || t[name+1].text == "assert") && t[name+2].text == "{" {
		call += ",{with:" + w.source[t[name+2].start:t[len(t)-1].end] + "}"
	}
	call += ")"
	b, names, ok := w.bindings(t[1:max(1, name-1)])
	if !ok {
		return
	}
	text := ""
	switch {
	case b == (binding{}):
		text = call
	case w.globals:
		w.names = append(w.names, names...)
		switch {
		case b.pattern == "":
			text = b.whole + "=" + call
		case b.whole == "":
			text = "({" + b.pattern + "}=" + call + ")"
		default:
			text = "({" + b.pattern + "}=" + b.whole + "=" + call + ")"
		}
	case b.pattern == "":
		text = "const " + b.whole + "=" + call
	case b.whole == "":
		text = "const {" + b.pattern + "}=" + call
	default:
		text = "const " + b.whole + "=" + call + ",{" + b.pattern + "}=" + b.whole
	}
	last := w.tokens[s.end-1]
	w.replace(w.tokens[s.first].start, last.end, ";"+text+";")
}

// bindings reads what stands between import and from.
func (w *writer) bindings(t []token) (b binding, names []string, ok bool) {
	var pattern []string
	name := func(key, local string) {
		names = append(names, local)
		if key == local {
			pattern = append(pattern, local)
		} else {
			pattern = append(pattern, key+":"+local)
		}
	}
	for i := 0; i < len(t); {
		switch {
		case t[i].text == ",":
			i++
		case t[i].text == "*" && i+2 < len(t):
			b.whole = t[i+2].text
			names = append(names, b.whole)
			i += 3
		case t[i].text == "{":
			for i++; i < len(t) && t[i].text != "}"; {
				switch {
				case t[i].text == ",":
					i++
				case i+2 < len(t) && t[i+1].text == "as":
					name(t[i].text, t[i+2].text)
					i += 3
				default:
					name(t[i].text, t[i].text)
					i++
				}
			}
			i++
		case js.IsIdentifier(t[i].kind):
			name("default", t[i].text)
			i++
		default:
			return b, nil, false
		}
	}
	b.pattern = strings.Join(pattern, ",")
	return b, names, true
}

// from is the index of the module's name in an export of another's, or -1.
func (w *writer) from(s statement) int {
	t := w.tokens[s.first:s.end]
	if len(t) < 4 || t[1].text != "{" && t[1].text != "*" {
		return -1
	}
	for i := len(t) - 1; i > 2; i-- {
		if t[i].kind == js.StringToken && t[i-1].kind == js.FromToken {
			return s.first + i
		}
	}
	return -1
}

// export drops the word, and says what is left.
func (w *writer) export(s statement, last bool) (form, statement) {
	t := w.tokens[s.first:s.end]
	drop := func(n int) { w.replace(t[0].start, t[n].start, "") }
	if len(t) < 2 {
		return other, s
	}
	switch t[1].text {
	case "{", "*":
		text := ";"
		if at := w.from(s); at >= 0 {
			text = ";await __import(" + w.tokens[at].text + ");"
		}
		w.replace(t[0].start, t[len(t)-1].end, text)
		return other, s
	case "default":
		if len(t) < 3 {
			return other, s
		}
		word := 2
		if t[2].text == "async" {
			word = 3
		}
		if len(t) > word+1 && (t[word].text == "function" || t[2].text == "class") {
			name := t[word+1]
			if name.text == "*" && len(t) > word+2 {
				name = t[word+2]
			}
			if !js.IsIdentifier(name.kind) || name.text == "extends" { // it has none: nobody can call it
				w.replace(t[0].start, t[2].start, ";void ")
				return other, s
			}
			drop(2)
			s.first += 2
			return map[bool]form{true: class, false: function}[t[2].text == "class"], s
		}
		drop(2)
		s.first += 2
		if !(last && w.globals) && w.tokens[s.first].text == "{" && w.tokens[s.first].partner < s.end {
			w.insert(w.tokens[s.first].start, "(")
			w.insert(w.tokens[w.tokens[s.first].partner].end, ")")
		}
		return expression, s
	}
	drop(1)
	s.first++
	inner := (&reader{tokens: w.tokens[:s.end], at: s.first}).statement(0)
	return inner, s
}
