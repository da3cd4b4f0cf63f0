package runtimes

import (
	"strings"
)

// Language is a programming language a session may be made in. The zero value
// is no language.
type Language uint8

// The languages: docs/protocol.md.
const (
	JavaScript Language = iota + 1
	TypeScript
	Python
	Go
	CSharp

	languageCount = iota + 1
)

type languageFacts struct {
	name    string
	aliases []string
	served  []Type
}

var languages = [languageCount]languageFacts{
	JavaScript: {"javascript", []string{"js", "node", "nodejs"}, []Type{Bun, Deno, Native, Docker, Embedded}},
	TypeScript: {"typescript", []string{"ts"}, []Type{Bun, Deno, Native, Docker, Embedded}},
	Python:     {"python", []string{"py", "python3"}, []Type{Native, Docker}},
	Go:         {"go", []string{"golang"}, []Type{Native, Docker}},
	CSharp:     {"csharp", []string{"cs", "c#", "dotnet"}, []Type{Docker}},
}

// String returns the canonical name, or "" for no language.
func (l Language) String() string {
	if int(l) >= languageCount {
		return ""
	}
	return languages[l].name
}

// Aliases returns the other names of the language. The caller must not change
// the slice.
func (l Language) Aliases() []string {
	if int(l) >= languageCount {
		return nil
	}
	return languages[l].aliases
}

// Runtimes returns the kinds of runtime that may serve the language, whether
// this host has them or not. The caller must not change the slice.
func (l Language) Runtimes() []Type {
	if int(l) >= languageCount {
		return nil
	}
	return languages[l].served
}

// ParseLanguage reads a canonical name or an alias without regard to case.
func ParseLanguage(name string) (Language, bool) {
	for l := JavaScript; int(l) < languageCount; l++ {
		if strings.EqualFold(name, languages[l].name) {
			return l, true
		}
		for _, alias := range languages[l].aliases {
			if strings.EqualFold(name, alias) {
				return l, true
			}
		}
	}
	return 0, false
}

// Languages returns every language in the order of the table.
func Languages() []Language {
	return []Language{JavaScript, TypeScript, Python, Go, CSharp}
}

// Type names a kind of runtime. The zero value is no runtime. The order of the
// constants is the order in which ties of the selector are broken.
type Type uint8

// The kinds of runtime, in the order that breaks ties.
const (
	Bun Type = iota + 1
	Deno
	Native
	Docker
	Embedded

	typeCount = iota + 1
)

var typeNames = [typeCount]string{"", "Bun", "Deno", "Native", "Docker", "Embedded"}

// String returns the wire name of the type, or "" for no runtime.
func (t Type) String() string {
	if int(t) >= len(typeNames) {
		return ""
	}
	return typeNames[t]
}

// ParseType reads a wire name without regard to case.
func ParseType(name string) (Type, bool) {
	for t := Bun; int(t) < typeCount; t++ {
		if strings.EqualFold(name, typeNames[t]) {
			return t, true
		}
	}
	return 0, false
}

// Types returns every kind of runtime in the order that breaks ties.
func Types() []Type { return []Type{Bun, Deno, Native, Docker, Embedded} }
