// Package gocell makes Go programs of cells: pieces of source, of which each may
// declare something, do something, or be a whole program.
//
// A cell that begins with a package clause is a program by itself. In any other,
// declarations (imports, types, functions, constants and variables) are the
// package's, and statements the body of main. The declarations stay for the cells
// after it; one that declares a name again replaces the earlier declaration of it.
// The values of variables do not stay: each program is a run of its own.
//
// Imports that a file does not use are left out of it, and all lines are those of
// the cells, "<cell 3>:2", by line directives.
package gocell

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// The bounds of source, in bytes.
const (
	// MaxCode is that of one cell, for the parser holds many times as much.
	MaxCode = 1 << 20
	// MaxKept is that of all declarations that stay.
	MaxKept = 256 << 10
	// MaxImports is how many imports a cell and those before it have.
	MaxImports = 1000
)

// Error says why a cell is no program.
type Error struct {
	// Line and Column are in the cell, from 1; zero is the cell as a whole.
	Line, Column int
	Message      string
	// More are the errors after the first.
	More []*Error
}

func (e *Error) Error() string { return e.Message }

// State is what the cells of a context have declared. Its zero value is nothing; a
// State never changes.
type State struct {
	kept    []*declaration // in the order of their cells
	imports []*imported    // those that the next cell may use
}

// File is one of a program's.
type File struct {
	Name    string // ends in .go
	Content []byte
}

// Program is a cell made a program.
type Program struct {
	// Files are those of package main.
	Files []File
	// After is the state once the program has been compiled.
	After *State
}

// imported is an import that was declared.
type imported struct {
	cell, line, column int
	name               string // as declared; "", ".", "_" too
	path               string // quoted
	names              []string
	// exact: names are certain.
	exact bool
}

func (i *imported) blank() bool { return i.name == "_" }
func (i *imported) dot() bool   { return i.name == "." }

// declaration is one that stays: a function, or a declaration with all its parts.
type declaration struct {
	cell, line, column int
	text               []byte
	names              []name
	imports            []*imported // that it uses
	node               ast.Node    // while its cell is made a program
}

// name is what a declaration declares, and the place of what is to be removed when
// it is declared again.
type name struct {
	key        string // "x", "T.method"
	start, end int    // in text
	// placeholder: the place is that of an identifier which the others of its
	// declaration need, as those of a list or below an iota do.
	placeholder bool
}

// typeOf is the type of a method, "" for anything else.
func (n *name) typeOf() string {
	of, _, _ := strings.Cut(n.key, ".")
	if of == n.key {
		return ""
	}
	return of
}

// without is the declaration less what a newer one declares, nil when nothing is left.
func (d *declaration) without(newer map[string]bool) *declaration {
	gone := func(n name) bool {
		return newer[n.key] || newer[n.typeOf()] // a new type begins without methods
	}
	if !slices.ContainsFunc(d.names, gone) {
		return d
	}
	left := *d
	left.names = nil
	left.text = slices.Clone(d.text)
	for _, n := range d.names {
		if !gone(n) {
			left.names = append(left.names, n)
			continue
		}
		blank(left.text[n.start:n.end])
		if n.placeholder {
			left.text[n.start] = '_'
		}
	}
	if len(left.names) == 0 {
		return nil
	}
	return &left
}

// blank overwrites text with spaces and keeps its lines.
func blank(text []byte) {
	for i, b := range text {
		if b != '\n' {
			text[i] = ' '
		}
	}
}

// Program makes a program of the cell of that number. Errors: *Error.
func (s *State) Program(code string, number int) (*Program, error) {
	if len(code) > MaxCode {
		return nil, &Error{Message: fmt.Sprintf("a cell of Go has at most %d bytes, this one has %d", MaxCode, len(code))}
	}
	parsing <- struct{}{}
	defer func() { <-parsing }()
	c := &cell{state: s, number: number, source: []byte(code)}
	return c.program()
}

// parsing bounds how many cells are parsed at a time.
var parsing = make(chan struct{}, 2)

// cell is one that is made a program.
type cell struct {
	state  *State
	number int
	source []byte
	lines  []int // where they begin; see position

	chunks   []chunk
	declared *file // the source less the statements
	body     *file // main, with the source less the declarations
	bodyText []byte

	imports []*imported // that it declares
	own     []*declaration
	newer   map[string]bool // what it declares
	entry   bool            // it declares the function main
}

func (c *cell) program() (*Program, error) {
	var err error
	c.source = bytes.TrimPrefix(c.source, []byte("\uFEFF"))
	if c.chunks, err = c.split(); err != nil {
		return nil, err
	}
	if len(c.chunks) > 0 && c.chunks[0].first == token.PACKAGE {
		return c.whole()
	}
	if err := c.sort(); err != nil {
		return nil, err
	}
	if err := c.declare(); err != nil {
		return nil, err
	}
	return c.assemble()
}

// whole makes a program of a whole file.
func (c *cell) whole() (*Program, error) {
	f, err := c.parse("", c.source, "")
	if err != nil {
		return nil, err
	}
	if f.Name.Name != "main" {
		return nil, c.failure(f.offset(f.Name.Pos()),
			"package %s: a cell is of package main; other packages are files of the workspace, to be imported", f.Name.Name)
	}
	isMain := func(d ast.Decl) bool {
		function, ok := d.(*ast.FuncDecl)
		return ok && function.Recv == nil && function.Name.Name == "main"
	}
	if !slices.ContainsFunc(f.Decls, isMain) { // declarations with a header
		blank(c.source[c.chunks[0].start:c.chunks[0].end])
		return c.program()
	}
	all, specs, err := c.importsOf(f)
	if err != nil {
		return nil, err
	}
	used := c.needs(f.uses(f.File), all, f.declares)
	text := slices.Clone(c.source)
	for i, one := range slices.Backward(all) {
		if !slices.Contains(used, one) {
			text = slices.Replace(text, f.offset(specs[i].Pos()), f.offset(specs[i].End()), []byte("_ "+one.path)...)
		}
	}
	return &Program{After: c.state, Files: []File{{
		Name: "cell.go", Content: slices.Concat([]byte(directive(c.number, 1, 1)), text),
	}}}, nil
}
