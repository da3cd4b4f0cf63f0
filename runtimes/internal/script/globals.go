package script

import "github.com/tdewolff/parse/v2/js"

// declare makes a declaration at top level one of globals.
func (w *writer) declare(s statement) {
	word := w.tokens[s.first]
	end := s.end
	if w.tokens[end-1].kind == js.SemicolonToken {
		end--
	}
	var names []string
	var bare []int // ends of names without a value
	r := &reader{tokens: w.tokens[:end], at: s.first + 1}
	for r.at < end && !r.failed {
		from := len(names)
		names = r.target(names)
		if r.failed || len(names) == from && r.at >= end {
			break
		}
		if r.is(0, "=") {
			r.at++
			r.value(",")
		} else if word.text == "let" {
			bare = append(bare, w.tokens[r.at-1].end)
		}
		if r.at < end && !r.is(0, ",") {
			r.failed = true
		}
		r.at++
	}
	if r.failed {
		return
	}
	for _, at := range bare {
		w.insert(at, "=undefined")
	}
	if !w.async {
		if word.text != "var" {
			w.replace(word.start, word.end, "var")
		}
		return
	}
	w.names = append(w.names, names...)
	w.replace(word.start, word.end, ";(")
	if end == s.end {
		w.insert(w.tokens[end-1].end, ");")
	} else {
		w.insert(w.tokens[end-1].end, ")")
	}
}

// target goes past what is assigned to, and collects its names.
func (r *reader) target(names []string) []string {
	if r.at >= len(r.tokens) {
		r.failed = true
		return names
	}
	t := r.tokens[r.at]
	switch {
	case t.text == "{" || t.text == "[":
		closing := t.partner
		if closing >= len(r.tokens) {
			r.failed = true
			return names
		}
		for r.at++; r.at < closing && !r.failed; {
			switch {
			case r.is(0, ","):
				r.at++
				continue
			case r.is(0, "..."):
				r.at++
				names = r.target(names)
				continue
			case t.text == "{":
				names = r.property(names)
			default:
				names = r.target(names)
			}
			if r.is(0, "=") {
				r.at++
				r.value(",")
			}
		}
		r.at = closing + 1
	case js.IsIdentifier(t.kind):
		names = append(names, t.text)
		r.at++
	default:
		r.failed = true
	}
	return names
}

// property goes past one property of a pattern, but its default.
func (r *reader) property(names []string) []string {
	key := r.tokens[r.at]
	if key.text == "[" {
		r.group("[")
	} else {
		r.at++
	}
	if r.is(0, ":") {
		r.at++
		return r.target(names)
	}
	if !js.IsIdentifier(key.kind) {
		r.failed = true
	}
	return append(names, key.text)
}

// value goes past an expression, to a token of that text or to the bracket that
// closes what is around it.
func (r *reader) value(until string) {
	for r.at < len(r.tokens) && !r.is(0, until) {
		t := r.tokens[r.at]
		switch {
		case t.partner > r.at:
			r.at = t.partner + 1
		case t.partner >= 0:
			return
		default:
			r.at++
		}
	}
}

// class makes a class at top level a global.
func (w *writer) class(s statement) {
	for i := s.first; i+1 < s.end; i++ {
		if w.tokens[i].text != "class" {
			continue
		}
		if name := w.tokens[i+1]; js.IsIdentifier(name.kind) {
			w.names = append(w.names, name.text)
			w.insert(w.tokens[s.first].start, ";"+name.text+"=")
			w.insert(w.tokens[s.end-1].end, ";")
		}
		return
	}
}

// function makes a function at top level a global, from the beginning of the cell.
func (w *writer) function(s statement) {
	for i := s.first; i < s.end && w.tokens[i].text != "("; i++ {
		if w.tokens[i].text != "function" && w.tokens[i].text != "async" && js.IsIdentifier(w.tokens[i].kind) {
			w.functions = append(w.functions, w.tokens[i].text)
		}
	}
}
