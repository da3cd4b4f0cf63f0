package runtimes

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Language is a programming language a session may be made in: a number of the
// table of languages. The zero value is no language.
type Language uint8

// The languages of the table that the server begins with, in its order.
const (
	JavaScript Language = iota + 1
	TypeScript
	Python
	Go
	CSharp
)

// LanguageFacts are one entry of the table of languages.
type LanguageFacts struct {
	// Name is the canonical one, in small letters; Aliases are read as well.
	Name    string
	Aliases []string
	// Suffixes are those of source files: ".py". The first is that of Hello.
	Suffixes []string
	// Runtimes are the kinds that may serve the language. Native serves it by
	// the first of Tools where the host has that.
	Runtimes []Type
	// Tools are the programs whose versions a probe asks for. One that is not
	// there is left out.
	Tools []Tool
	// Recipe is the folder of docker/ that the image is made from, "" when
	// there is none; Image names another image than that.
	Recipe, Image string
	// Run is the command line of a source file, with File in its place; RunOn
	// has it for runtimes where it is another.
	Run   []string
	RunOn map[Type][]string
	// Compiles: to run a file compiles it first, which may take seconds.
	Compiles bool
	// Hello is a source file that prints HelloOutput. By it the runtimes prove
	// that they serve the language.
	Hello string
	// Eval is the command line of code that is not in a file, with Code in its place;
	// nil is none. Greet is code that prints Greeting, Idle code that prints it
	// and stays for ten minutes.
	Eval        []string
	EvalOn      map[Type][]string
	Greet, Idle string
	// Env are variables of every program in sessions of the language, before
	// those that the session or the command sets: "KEY=value".
	Env []string
}

// What stands for the file in Run and for the code in Eval, what a language's
// Hello prints, and what its Greet and Idle do.
const (
	File        = "{file}"
	Code        = "{code}"
	HelloOutput = "hello 42\n"
	Greeting    = "hello\n"
)

// Tool is a program by which a language is served.
type Tool struct {
	Name string
	// Args have it print its version: word number Word, counted from 0, of its
	// first line, without Prefix.
	Args   []string
	Word   int
	Prefix string
	// Get says how a host gets it: "`apt-get install perl` installs it".
	Get string
}

// Version takes the version out of what the tool prints, "" where it is not.
func (t *Tool) Version(output string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	words := strings.Fields(line)
	if t.Word >= len(words) {
		return ""
	}
	return strings.TrimPrefix(words[t.Word], t.Prefix)
}

// tables are the languages and the kinds of runtime. A state never changes; to
// add one makes the next.
type tables struct {
	languages []LanguageFacts // of Language 1 and on
	kinds     []RuntimeFacts  // of Type 1 and on
}

var (
	adding sync.Mutex // held while the next state is made
	known  atomic.Pointer[tables]
)

func now() *tables {
	if t := known.Load(); t != nil {
		return t
	}
	known.CompareAndSwap(nil, &tables{languages, kinds})
	return known.Load()
}

// tableMax is how many languages, or kinds of runtime, there may be.
const tableMax = 250

// languageName is the form of names and aliases.
var languageName = regexp.MustCompile(`^[a-z][a-z0-9+#._-]{0,31}$`)

// AddLanguage adds one to the table. Registries and runtimes that are made
// later know it. There is no way to remove one.
// Errors: an entry that lacks something, or has a name or suffix of another.
func AddLanguage(facts LanguageFacts) (Language, error) {
	adding.Lock()
	defer adding.Unlock()
	before := now()
	if err := facts.check(before); err != nil {
		return 0, fmt.Errorf("language %q: %w", facts.Name, err)
	}
	for t := range before.kinds {
		if slices.Contains(before.kinds[t].Serves, facts.Name) && !slices.Contains(facts.Runtimes, Type(t+1)) {
			facts.Runtimes = append(slices.Clone(facts.Runtimes), Type(t+1))
		}
	}
	known.Store(&tables{append(slices.Clone(before.languages), facts), before.kinds})
	return Language(len(before.languages) + 1), nil
}

func (f *LanguageFacts) check(before *tables) error {
	if len(before.languages) == tableMax {
		return fmt.Errorf("there are %d already", tableMax)
	}
	for _, name := range f.names() {
		if !languageName.MatchString(name) {
			return fmt.Errorf("%q is not a valid name: small letters, digits and + # . _ -", name)
		}
	}
	for i := range before.languages {
		other := &before.languages[i]
		for _, name := range f.names() {
			if slices.Contains(other.names(), name) {
				return fmt.Errorf("%q is %s", name, other.Name)
			}
		}
		for _, suffix := range f.Suffixes {
			if slices.Contains(other.Suffixes, suffix) {
				return fmt.Errorf("the suffix %q is that of %s", suffix, other.Name)
			}
		}
	}
	switch {
	case len(f.Suffixes) == 0:
		return errors.New("it has no suffix")
	case len(f.Runtimes) == 0:
		return errors.New("no runtime serves it")
	case len(f.Tools) == 0:
		return errors.New("it has no tool")
	case !slices.Contains(f.Run, File):
		return errors.New("its command line has no " + File)
	case f.Hello == "":
		return errors.New("it has no hello program")
	}
	return nil
}

func (f *LanguageFacts) names() []string { return append([]string{f.Name}, f.Aliases...) }

// noLanguage are the facts of the zero value.
var noLanguage LanguageFacts

// Facts are the language's entry, empty for no language. The caller must not
// change it.
func (l Language) Facts() *LanguageFacts {
	if all := now().languages; l != 0 && int(l) <= len(all) {
		return &all[l-1]
	}
	return &noLanguage
}

// String returns the canonical name, or "" for no language.
func (l Language) String() string { return l.Facts().Name }

// Aliases returns the other names of the language. The caller must not change
// the slice.
func (l Language) Aliases() []string { return l.Facts().Aliases }

// Runtimes returns the kinds of runtime that may serve the language, whether
// this host has them or not. The caller must not change the slice.
func (l Language) Runtimes() []Type { return l.Facts().Runtimes }

// ImageName is the image of sessions on Docker, "" where there is none: the one
// that the language's entry names, else the one made from its recipe.
func (l Language) ImageName(tag string) string {
	switch f := l.Facts(); {
	case f.Image != "":
		return f.Image
	case f.Recipe != "":
		return ImageOf(f.Recipe, tag)
	}
	return ""
}

// ImageOf is the image that docker/scripts/images.sh makes from a recipe; an
// empty tag is latest.
func ImageOf(recipe, tag string) string { return "codebeaker-" + recipe + ":" + cmp.Or(tag, "latest") }

// HelloFile is the name of the file that holds the language's Hello.
func (l Language) HelloFile() string {
	if suffixes := l.Facts().Suffixes; len(suffixes) > 0 {
		return "hello" + suffixes[0]
	}
	return ""
}

// RunLine is the command line of a source file on a runtime, nil for no
// language.
func (l Language) RunLine(t Type, file string) []string {
	f := l.Facts()
	return line(f.Run, f.RunOn[t], File, file)
}

// EvalLine is the command line of code on a runtime, nil where the language has
// none.
func (l Language) EvalLine(t Type, code string) []string {
	f := l.Facts()
	return line(f.Eval, f.EvalOn[t], Code, code)
}

func line(usual, own []string, place, with string) []string {
	if own == nil {
		own = usual
	}
	filled := slices.Clone(own)
	for i := range filled {
		if filled[i] == place {
			filled[i] = with
		}
	}
	return filled
}

// ParseLanguage reads a canonical name or an alias without regard to case.
func ParseLanguage(name string) (Language, bool) {
	all := now().languages
	for i := range all {
		if strings.EqualFold(name, all[i].Name) {
			return Language(i + 1), true
		}
		for _, alias := range all[i].Aliases {
			if strings.EqualFold(name, alias) {
				return Language(i + 1), true
			}
		}
	}
	return 0, false
}

// LanguageOfSuffix is the language of source files with that suffix, without
// regard to case.
func LanguageOfSuffix(suffix string) (Language, bool) {
	all := now().languages
	for i := range all {
		if slices.Contains(all[i].Suffixes, strings.ToLower(suffix)) {
			return Language(i + 1), true
		}
	}
	return 0, false
}

// Languages returns every language in the order of the table.
func Languages() []Language {
	all := make([]Language, len(now().languages))
	for i := range all {
		all[i] = Language(i + 1)
	}
	return all
}
