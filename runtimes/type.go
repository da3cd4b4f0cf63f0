package runtimes

import "strings"

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
