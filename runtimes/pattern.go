package runtimes

import (
	"errors"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Pattern is a glob of ListDirectory: "*" and "?" match within a name, "[a-z]"
// one of a class, "**" any number of directories, "{a,b}" either; a backslash
// takes the meaning away. Without a slash it is about the name of an entry,
// with one about its path below the directory that is listed. The zero value
// matches everything. It is safe for use by several goroutines.
type Pattern struct {
	plain []plainPattern
	paths bool
}

// plainPattern is a pattern without alternatives.
type plainPattern struct {
	text  string
	parts []string // between slashes; nil when there is one in a class
}

// maxAlternatives bounds what a pattern with braces stands for. Each one is
// matched by itself: doublestar's own alternatives after a "*" take a time that
// grows exponentially with their number.
const maxAlternatives = 128

// ParsePattern reads a glob. Its errors say what a pattern must be.
func ParsePattern(text string) (Pattern, error) {
	if text == "" {
		return Pattern{}, nil
	}
	if !doublestar.ValidatePattern(text) {
		return Pattern{}, errors.New("must be a glob pattern: a class, a brace or a backslash is left open")
	}
	alternatives, ok := expandBraces(text, maxAlternatives)
	if !ok {
		return Pattern{}, errors.New("must not stand for more than 128 alternatives")
	}
	p := Pattern{paths: strings.Contains(text, "/")}
	for _, one := range alternatives {
		one = strings.TrimPrefix(one, "./")
		parts := strings.Split(one, "/")
		if p.paths && (slices.Contains(parts, "..") || slices.Contains(parts, ".") || slices.Contains(parts, "")) {
			return Pattern{}, errors.New("must be relative to the listed directory, without empty or dot elements")
		}
		if slices.ContainsFunc(parts, func(part string) bool { return !doublestar.ValidatePattern(part) }) {
			parts = nil
		}
		p.plain = append(p.plain, plainPattern{one, parts})
	}
	return p, nil
}

// Paths reports whether the pattern is about paths, which makes a listing go
// down as far as the pattern itself does.
func (p Pattern) Paths() bool { return p.paths }

// Match reports whether the pattern matches an entry by its path below the
// listed directory.
func (p Pattern) Match(path string) bool {
	if p.plain == nil {
		return true
	}
	if !p.paths {
		path = path[strings.LastIndexByte(path, '/')+1:]
	}
	return slices.ContainsFunc(p.plain, func(one plainPattern) bool { return doublestar.MatchUnvalidated(one.text, path) })
}

// Below reports whether something below the directory path may match.
func (p Pattern) Below(path string) bool {
	return !p.paths || slices.ContainsFunc(p.plain, func(one plainPattern) bool { return one.below(path) })
}

func (p plainPattern) below(path string) bool {
	if p.parts == nil {
		return true
	}
	at := 0
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case p.parts[at] == "**":
			return true
		case at == len(p.parts)-1, !doublestar.MatchUnvalidated(p.parts[at], name):
			return false
		}
		at++
	}
	return true
}

// expandBraces returns the patterns without braces that a valid pattern stands
// for, unless there are more than limit.
func expandBraces(pattern string, limit int) ([]string, bool) {
	open := nextSpecial(pattern, "{")
	if open == len(pattern) {
		return []string{pattern}, true
	}
	var options []string
	start, rest := open+1, open+1
	for depth := 1; depth > 0; {
		rest += nextSpecial(pattern[rest:], "{,}")
		switch pattern[rest] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 || depth == 1 && pattern[rest] == ',' {
			options = append(options, pattern[start:rest])
			start = rest + 1
		}
		rest++
	}
	var all []string
	for _, option := range options {
		more, ok := expandBraces(pattern[:open]+option+pattern[rest:], limit-len(all))
		if !ok || len(all)+len(more) > limit {
			return nil, false
		}
		all = append(all, more...)
	}
	return all, true
}

// nextSpecial is where one of the characters first stands in a valid pattern
// with its meaning, else the length of the pattern.
func nextSpecial(pattern, characters string) int {
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.IndexByte(characters, c) >= 0:
			return i
		case c == '\\':
			i++
		case c == '[':
			if i++; pattern[i] == '^' || pattern[i] == '!' {
				i++
			}
			for ; pattern[i] != ']'; i++ {
				if pattern[i] == '\\' {
					i++
				}
			}
		}
	}
	return len(pattern)
}
