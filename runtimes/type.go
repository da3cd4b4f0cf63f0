package runtimes

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Type names a kind of runtime: a number of the table of kinds. The zero value
// is no runtime. The order is the one in which ties of the selector are broken.
type Type uint8

// The kinds that the table begins with, in its order.
const (
	Bun Type = iota + 1
	Deno
	Native
	Docker
	Embedded
)

// RuntimeFacts are one entry of the table of kinds of runtime.
type RuntimeFacts struct {
	// Name is the one on the wire.
	Name string
	// Declared are the figures until the runtimes have been measured.
	Declared Figures
	// Serves are the languages, by canonical name, that it may serve besides
	// those whose entries name it.
	Serves []string
}

const ms = time.Millisecond

// AddRuntime adds a kind to the table; a runtime's folder calls it for a
// variable of its package. Registries that are made later know it. It panics
// when there is one of that name, for that is a mistake in the program.
func AddRuntime(facts RuntimeFacts) Type {
	adding.Lock()
	defer adding.Unlock()
	before := now()
	if _, exists := ParseType(facts.Name); exists || facts.Name == "" || len(before.kinds) == tableMax {
		panic(fmt.Sprintf("the kind of runtime %q cannot be added", facts.Name))
	}
	added := Type(len(before.kinds) + 1)
	all := slices.Clone(before.languages)
	for i := range all {
		if slices.Contains(facts.Serves, all[i].Name) {
			all[i].Runtimes = append(slices.Clone(all[i].Runtimes), added)
		}
	}
	known.Store(&tables{all, append(slices.Clone(before.kinds), facts)})
	return added
}

func (t Type) facts() *RuntimeFacts {
	if all := now().kinds; t != 0 && int(t) <= len(all) {
		return &all[t-1]
	}
	return &RuntimeFacts{}
}

// String returns the wire name of the type, or "" for no runtime.
func (t Type) String() string { return t.facts().Name }

// DeclaredFigures are used until every candidate has been measured on this
// host.
func DeclaredFigures(t Type) Figures { return t.facts().Declared }

// ParseType reads a wire name without regard to case.
func ParseType(name string) (Type, bool) {
	all := now().kinds
	for i := range all {
		if name != "" && strings.EqualFold(name, all[i].Name) {
			return Type(i + 1), true
		}
	}
	return 0, false
}

// Types returns every kind of runtime in the order that breaks ties.
func Types() []Type {
	all := make([]Type, len(now().kinds))
	for i := range all {
		all[i] = Type(i + 1)
	}
	return all
}
