package gocell

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
)

// chunk is a piece of a cell: a declaration, or some of a statement. It begins where
// the one before it ends, with the comments above it.
type chunk struct {
	start, end int
	first      token.Token
	// function: it begins as a declared one does.
	function bool
	// local: a variable that needs others of main.
	local bool
}

// declares reports whether the chunk is one of the package.
func (c *chunk) declares() bool {
	switch c.first {
	case token.IMPORT, token.TYPE, token.CONST:
		return true
	case token.VAR:
		return !c.local
	}
	return c.function
}

// split cuts the source at the semicolons that are in no brackets, those that the
// ends of lines are included.
func (c *cell) split() ([]chunk, error) {
	set := token.NewFileSet()
	in := set.AddFile("", -1, len(c.source))
	var wrong scanner.ErrorList
	var s scanner.Scanner
	s.Init(in, c.source, wrong.Add, 0)
	var chunks []chunk
	now := chunk{}
	depth, tokens := 0, 0
	header := 0 // how much has been seen of the head of a function
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.SEMICOLON && depth == 0 {
			end := in.Offset(pos)
			if literal == ";" {
				end++
			}
			if now.end = end; tokens > 0 {
				chunks = append(chunks, now)
			}
			now, tokens, header = chunk{start: end}, 0, 0
			continue
		}
		if tokens++; tokens == 1 {
			now.first = tok
		}
		if now.first == token.FUNC && !now.function {
			header = follow(header, tok, depth)
			now.function = header == named
		}
		switch tok {
		case token.LPAREN, token.LBRACK, token.LBRACE:
			depth++
		case token.RPAREN, token.RBRACK, token.RBRACE:
			if depth--; depth < 0 {
				return nil, c.failure(in.Offset(pos), "syntax error: unexpected %s", tok)
			}
		}
	}
	if wrong.Len() > 0 {
		return nil, c.failures(wrong, 0)
	}
	if tokens > 0 { // something is left open
		now.end = len(c.source)
		chunks = append(chunks, now)
	}
	return chunks, nil
}

// The head of a function, as far as it tells a declaration from an expression:
// func, (receiver), name, (.
const (
	nothing = iota
	keyword
	receiver
	mayBeNamed
	named
	expression
)

func follow(seen int, tok token.Token, depth int) int {
	switch {
	case seen == nothing:
		return keyword
	case seen == keyword && tok == token.IDENT:
		return named
	case seen == keyword, seen == receiver && depth > 0:
		return receiver
	case seen == receiver && tok == token.IDENT:
		return mayBeNamed
	case seen == mayBeNamed && tok == token.LPAREN:
		return named
	}
	return expression
}

// only is the source with nothing but some of its chunks.
func (c *cell) only(which func(*chunk) bool) []byte {
	text := bytes.Clone(c.source)
	at := 0
	for i := range c.chunks {
		chunk := &c.chunks[i]
		if !which(chunk) {
			blank(text[at:chunk.end])
		}
		at = chunk.end
	}
	if len(c.chunks) > 0 && !which(&c.chunks[len(c.chunks)-1]) {
		blank(text[at:])
	}
	return text
}

// file is some of a cell as the parser sees it.
type file struct {
	*ast.File
	set    *token.FileSet
	prefix int // before the cell's source
	free   map[*ast.Ident]bool
}

// offset is a place in the cell's source.
func (f *file) offset(pos token.Pos) int { return f.set.PositionFor(pos, false).Offset - f.prefix }

func (c *cell) parse(prefix string, text []byte, suffix string) (*file, error) {
	f := &file{set: token.NewFileSet(), prefix: len(prefix), free: make(map[*ast.Ident]bool)}
	all := append(append([]byte(prefix), text...), suffix...)
	parsed, err := parser.ParseFile(f.set, "", all, parser.ParseComments)
	if list, ok := err.(scanner.ErrorList); ok {
		return nil, c.failures(list, len(prefix))
	}
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	f.File = parsed
	for _, name := range parsed.Unresolved {
		f.free[name] = true
	}
	return f, nil
}

// position tells a place in the source as line and column.
func (c *cell) position(offset int) (line, column int) {
	if c.lines == nil {
		c.lines = []int{0}
		for i, b := range c.source {
			if b == '\n' {
				c.lines = append(c.lines, i+1)
			}
		}
	}
	offset = max(0, min(offset, len(c.source)))
	line, exact := slices.BinarySearch(c.lines, offset)
	if exact {
		line++
	}
	return line, offset - c.lines[line-1] + 1
}

func (c *cell) failure(offset int, format string, args ...any) *Error {
	e := &Error{Message: fmt.Sprintf(format, args...)}
	e.Line, e.Column = c.position(offset)
	return e
}

// failures are those that the parser found.
func (c *cell) failures(list scanner.ErrorList, prefix int) *Error {
	var first *Error
	for _, one := range list {
		e := c.failure(one.Pos.Offset-prefix, "syntax error: %s", cmp.Or(one.Msg, "unknown"))
		if first == nil {
			first = e
		} else {
			first.More = append(first.More, e)
		}
	}
	return first
}
