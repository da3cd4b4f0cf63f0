package gocell

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// declare takes the declarations out of the cell.
func (c *cell) declare() error {
	f := c.declared
	var err error
	if c.imports, _, err = c.importsOf(f); err != nil {
		return err
	}
	c.newer = make(map[string]bool)
	var entry token.Pos
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok != token.IMPORT {
				c.add(f, d, d.Doc, namesOf(d))
			}
		case *ast.FuncDecl:
			key := keyOf(d)
			if key == "main" {
				entry, c.entry = d.Pos(), true
			}
			c.add(f, d, d.Doc, []span{{key: key, of: d}})
		}
	}
	if c.entry && len(c.statements()) > 0 {
		return c.failure(f.offset(entry), "a cell has a function main, or statements beside its declarations, not both")
	}
	for _, i := range c.imports {
		if i.exact && !i.blank() && !i.dot() {
			c.newer[i.names[0]] = true
		}
	}
	return nil
}

// span is a name and what stands for it.
type span struct {
	key         string
	of          ast.Node
	placeholder bool
}

// keyOf is how a function is known: "f", "T.method".
func keyOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.ParenExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		case *ast.IndexListExpr:
			of = t.X
		case *ast.Ident:
			return t.Name + "." + f.Name.Name
		default:
			return "." + f.Name.Name // the compiler will say what is wrong
		}
	}
}

func namesOf(d *ast.GenDecl) (all []span) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			all = append(all, span{key: s.Name.Name, of: s})
		case *ast.ValueSpec:
			for _, n := range s.Names {
				all = append(all, span{key: n.Name, of: n, placeholder: true})
			}
		}
	}
	return all
}

// add adds a declaration.
func (c *cell) add(f *file, of ast.Node, doc *ast.CommentGroup, spans []span) {
	start, end := f.offset(of.Pos()), f.offset(of.End())
	if doc != nil {
		start = f.offset(doc.Pos())
	}
	d := &declaration{cell: c.number, text: slices.Clone(c.source[start:end]), node: of}
	d.line, d.column = c.position(start)
	for _, s := range spans {
		if s.key != "_" && s.key != "main" {
			c.newer[s.key] = true
			n := name{s.key, f.offset(s.of.Pos()) - start, f.offset(s.of.End()) - start, s.placeholder}
			if rest := bytes.TrimLeft(d.text[n.end:], " \t"); !n.placeholder && bytes.HasPrefix(rest, []byte(";")) {
				n.end = len(d.text) - len(rest) + 1
			}
			d.names = append(d.names, n)
		}
	}
	c.own = append(c.own, d)
}

func tooManyImports(n int) *Error {
	return &Error{Message: fmt.Sprintf("the cells of a context have at most %d imports together, with this cell's they have %d: begin anew with reset", MaxImports, n)}
}

// importsOf are the imports of a file and where they stand.
func (c *cell) importsOf(f *file) (all []*imported, specs []*ast.ImportSpec, err error) {
	if len(f.Imports) > MaxImports {
		return nil, nil, tooManyImports(len(f.Imports))
	}
	for _, s := range f.Imports {
		i := &imported{cell: c.number, path: s.Path.Value, exact: true}
		i.line, i.column = c.position(f.offset(s.Pos()))
		path, err := strconv.Unquote(s.Path.Value)
		if err != nil || path == "" {
			return nil, nil, c.failure(f.offset(s.Path.Pos()), "invalid import path: %s", s.Path.Value)
		}
		i.path = strconv.Quote(path)
		if i.names, i.exact = packageNames(path); s.Name != nil {
			i.name, i.names, i.exact = s.Name.Name, []string{s.Name.Name}, true
		}
		if path == "C" && f.prefix > 0 {
			return nil, nil, c.failure(f.offset(s.Pos()), `import "C" is for whole programs: begin the cell with package main`)
		}
		all, specs = append(all, i), append(specs, s)
	}
	return all, specs, nil
}
