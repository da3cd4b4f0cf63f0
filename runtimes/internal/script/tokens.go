package script

import (
	"errors"
	"io"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// token is one of a source, without blanks and comments.
type token struct {
	kind       js.TokenType
	text       string
	start, end int  // offsets
	line       bool // a line break is before it
	// partner is the index of the bracket that belongs to this one, -1 where it is
	// none.
	partner int
}

// errTokens: the text is not made of tokens whose brackets match. The engine will
// say what is wrong.
var errTokens = errors.New("not made of tokens")

// tokensOf takes a source apart.
func tokensOf(source string) ([]token, error) {
	lexer := js.NewLexer(parse.NewInputString(source))
	tokens := make([]token, 0, len(source)/4+1)
	var open []int
	line := false
	for at := 0; ; {
		kind, text := lexer.Next()
		if kind == js.DivToken || kind == js.DivEqToken {
			if slashBegins(tokens) {
				if kind, text = lexer.RegExp(); kind == js.ErrorToken {
					return nil, errTokens
				}
			}
		}
		if kind == js.ErrorToken {
			switch {
			case errors.Is(lexer.Err(), io.EOF):
				if len(open) > 0 {
					return nil, errTokens
				}
				return tokens, nil
			case string(text) != "@":
				return nil, errTokens
			}
		}
		t := token{kind: kind, text: source[at : at+len(text)], start: at, end: at + len(text), line: line, partner: -1}
		at = t.end
		switch kind {
		case js.WhitespaceToken, js.CommentToken:
			continue
		case js.LineTerminatorToken, js.CommentLineTerminatorToken:
			line = true
			continue
		case js.OpenBraceToken, js.OpenParenToken, js.OpenBracketToken, js.TemplateStartToken:
			open = append(open, len(tokens))
		case js.CloseBraceToken, js.CloseParenToken, js.CloseBracketToken, js.TemplateEndToken:
			if len(open) == 0 || closes[tokens[open[len(open)-1]].kind] != kind {
				return nil, errTokens
			}
			t.partner = open[len(open)-1]
			tokens[t.partner].partner = len(tokens)
			open = open[:len(open)-1]
		}
		line = false
		tokens = append(tokens, t)
	}
}

var closes = map[js.TokenType]js.TokenType{
	js.OpenBraceToken: js.CloseBraceToken, js.OpenParenToken: js.CloseParenToken,
	js.OpenBracketToken: js.CloseBracketToken, js.TemplateStartToken: js.TemplateEndToken,
}

// slashBegins reports whether a slash behind those tokens begins a regular
// expression, and is no division.
func slashBegins(tokens []token) bool {
	if len(tokens) == 0 {
		return true
	}
	last := tokens[len(tokens)-1]
	switch last.kind {
	case js.CloseParenToken: // of if (…) /x/.test(y)
		return last.partner > 0 && heads[tokens[last.partner-1].text]
	case js.CloseBraceToken:
		return endsBlock(tokens, last.partner)
	case js.TemplateStartToken, js.TemplateMiddleToken:
		return true
	}
	return !operandEnds(last)
}

// heads are the words whose parentheses are followed by a statement.
var heads = map[string]bool{"if": true, "while": true, "for": true, "with": true}

// endsBlock reports whether the brace at that index opens a block and no object.
func endsBlock(tokens []token, brace int) bool {
	if brace == 0 {
		return true
	}
	before := tokens[brace-1]
	switch before.kind {
	case js.SemicolonToken, js.OpenBraceToken, js.CloseBraceToken, js.CloseParenToken, js.ArrowToken:
		return true
	}
	return operandEnds(before) || before.text == "else" || before.text == "do" || before.text == "try" || before.text == "finally"
}

// operandEnds reports whether a token can be the last one of an expression.
func operandEnds(t token) bool {
	switch {
	case t.kind == js.IncrToken, t.kind == js.DecrToken:
		return true
	case js.IsOperator(t.kind):
		return false
	case js.IsPunctuator(t.kind):
		return t.kind == js.CloseBraceToken || t.kind == js.CloseParenToken || t.kind == js.CloseBracketToken
	case js.IsReservedWord(t.kind):
		return strings.Contains(" this super null true false return break continue debugger yield ", " "+t.text+" ") && t.text != "return"
	case t.kind == js.TemplateStartToken, t.kind == js.TemplateMiddleToken, t.kind == js.ErrorToken:
		return false
	}
	return true
}

// operandBegins reports whether a token that follows the end of an expression on a
// new line begins a statement, since it cannot go on with the expression.
func operandBegins(t token) bool {
	switch {
	case t.kind == js.IncrToken, t.kind == js.DecrToken, t.kind == js.NotToken, t.kind == js.BitNotToken, t.kind == js.OpenBraceToken:
		return true
	case js.IsOperator(t.kind), js.IsPunctuator(t.kind):
		return false
	case t.kind == js.TemplateToken, t.kind == js.TemplateStartToken, t.kind == js.TemplateMiddleToken, t.kind == js.TemplateEndToken, t.kind == js.RegExpToken:
		return false
	}
	return t.text != "in" && t.text != "instanceof"
}
