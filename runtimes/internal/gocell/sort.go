package gocell

import (
	"cmp"
	"go/ast"
	"go/token"
	"slices"
)

// sort tells the statements from the declarations. A variable that is declared
// after a statement and made of one of its variables is main's; any other is the
// package's.
func (c *cell) sort() error {
	if err := c.read(); err != nil {
		return err
	}
	local := c.locals()
	moved := false
	for _, d := range c.declared.Decls {
		variable, ok := d.(*ast.GenDecl)
		if !ok || variable.Tok != token.VAR {
			continue
		}
		at := c.declared.offset(variable.Pos())
		if !local.used(variable, at) {
			continue
		}
		of, _ := slices.BinarySearchFunc(c.chunks, at, func(k chunk, at int) int { return cmp.Compare(k.end, at+1) })
		c.chunks[of].local, moved = true, true
		for _, spec := range variable.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				local.add(name, at)
			}
		}
	}
	if moved {
		return c.read()
	}
	return nil
}

// read parses both halves of the cell.
func (c *cell) read() (err error) {
	if c.declared, err = c.parse("package main;", c.only((*chunk).declares), ""); err != nil {
		return err
	}
	c.bodyText = c.only(func(k *chunk) bool { return !k.declares() })
	c.body, err = c.parse("package main;func main(){", c.bodyText, "\n}")
	return err
}

// statements are those of main.
func (c *cell) statements() []ast.Stmt {
	for _, d := range c.body.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			return f.Body.List
		}
	}
	return nil
}

// locals are the first places of main's variables.
type locals map[string]int

func (l locals) add(name *ast.Ident, at int) {
	if known, ok := l[name.Name]; name.Name != "_" && (!ok || at < known) {
		l[name.Name] = at
	}
}

func (c *cell) locals() locals {
	l := locals{}
	for _, s := range c.statements() {
		if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
			for _, left := range a.Lhs {
				if name, ok := left.(*ast.Ident); ok {
					l.add(name, c.body.offset(a.Pos()))
				}
			}
		}
	}
	return l
}

// used reports whether a declaration mentions one that was there before it.
func (l locals) used(d *ast.GenDecl, at int) (used bool) {
	for _, spec := range d.Specs {
		s := spec.(*ast.ValueSpec)
		nodes := make([]ast.Node, 0, 1+len(s.Values))
		if s.Type != nil {
			nodes = append(nodes, s.Type)
		}
		for _, v := range s.Values {
			nodes = append(nodes, v)
		}
		for _, n := range nodes {
			ast.Inspect(n, func(n ast.Node) bool {
				if selector, ok := n.(*ast.SelectorExpr); ok {
					ast.Inspect(selector.X, func(n ast.Node) bool { used = used || l.before(n, at); return true })
					return false
				}
				used = used || l.before(n, at)
				return true
			})
		}
	}
	return used
}

func (l locals) before(n ast.Node, at int) bool {
	name, ok := n.(*ast.Ident)
	if !ok {
		return false
	}
	defined, known := l[name.Name]
	return known && defined < at
}
