package gocell

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// assemble makes the files and what stays.
func (c *cell) assemble() (*Program, error) {
	after := &State{}
	for _, d := range c.state.kept {
		if d = d.without(c.newer); d != nil {
			after.kept = append(after.kept, d)
		}
	}
	kept := after.kept
	all := maps.Clone(c.newer)
	for _, d := range kept {
		for _, n := range d.names {
			all[n.key] = true
		}
	}
	declared := func(name string) bool { return all[name] }
	own := make(map[string]bool) // less its imports
	for _, d := range c.own {
		for _, n := range d.names {
			own[n.key] = true
		}
	}
	for _, i := range c.state.imports {
		replaced := slices.ContainsFunc(c.imports, func(own *imported) bool { return own.key() == i.key() })
		if !replaced && !(i.exact && own[i.names[0]]) {
			after.imports = append(after.imports, i)
		}
	}
	if after.imports = append(after.imports, c.imports...); len(after.imports) > MaxImports {
		return nil, tooManyImports(len(after.imports))
	}

	var files []*source
	for _, d := range kept {
		files = place(files, d)
	}
	program := &Program{After: after}
	for n, f := range files {
		program.Files = append(program.Files, File{fmt.Sprintf("kept%d.go", n), f.bytes()})
	}
	size := 0
	for _, d := range kept {
		size += len(d.text)
	}
	text := newSource()
	for _, d := range c.own {
		d.imports = c.needs(c.declared.uses(d.node), after.imports, declared)
		d.node = nil
		text.add(d)
		if len(d.names) > 0 {
			after.kept = append(after.kept, d)
			size += len(d.text)
		}
	}
	for _, i := range after.imports {
		size += len(i.name) + len(i.path)
	}
	if size > MaxKept {
		return nil, &Error{Message: fmt.Sprintf("the declarations and imports that stay have at most %d bytes together, with this cell's they have %d: begin anew with reset", MaxKept, size)}
	}
	if !c.entry {
		var body []ast.Node
		for _, s := range c.statements() {
			body = append(body, s)
		}
		text.use(c.needs(c.body.uses(body...), after.imports, declared))
		fmt.Fprintf(&text.text, "func main() {\n%s%s\n}\n", directive(c.number, 1, 1), c.bodyText)
	}
	program.Files = append(program.Files, File{"cell.go", text.bytes()})
	return program, nil
}

// directive says where the next line comes from.

func directive(number, line, column int) string {
	return fmt.Sprintf("//line <cell %d>:%d:%d\n", number, line, column)
}

// source is a file that is put together.
type source struct {
	imports map[string]*imported
	order   []*imported
	text    bytes.Buffer
}

func newSource() *source { return &source{imports: make(map[string]*imported)} }

// place puts a declaration into the first file whose imports do not contradict its
// own.
func place(files []*source, d *declaration) []*source {
	for _, f := range files {
		if !slices.ContainsFunc(d.imports, f.contradicts) {
			f.add(d)
			return files
		}
	}
	f := newSource()
	f.add(d)
	return append(files, f)
}

func (s *source) contradicts(i *imported) bool {
	other := s.imports[i.key()]
	return other != nil && other.path != i.path
}

func (s *source) use(all []*imported) {
	for _, i := range all {
		if s.imports[i.key()] == nil {
			s.imports[i.key()] = i
			s.order = append(s.order, i)
		}
	}
}

func (s *source) add(d *declaration) {
	s.use(d.imports)
	fmt.Fprintf(&s.text, "%s%s\n", directive(d.cell, d.line, d.column), d.text)
}

// bytes is the file.
func (s *source) bytes() []byte {
	var b bytes.Buffer
	b.WriteString("package main\n")
	if len(s.order) > 0 {
		b.WriteString("import (\n")
		for _, i := range s.order {
			b.WriteString(directive(i.cell, i.line, i.column))
			b.WriteString(strings.TrimLeft(i.name+" "+i.path, " ") + "\n")
		}
		b.WriteString(")\n")
	}
	b.Write(s.text.Bytes())
	return b.Bytes()
}
