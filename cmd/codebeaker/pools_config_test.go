package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

func TestPoolsAreSetInEveryWay(t *testing.T) {
	file := "pools:\n  python: {min: 5, imports: [numpy, matplotlib.pyplot]}\n  go: {max: 3}\n  typescript: {max: 1}\n"
	for name, c := range map[string]struct {
		file string
		args []string
		off  bool
		want map[runtimes.Language]actors.PoolSize
	}{
		"nothing":              {},
		"on":                   {args: []string{"--pools=on"}},
		"off":                  {args: []string{"--pools=off"}, off: true},
		"off in the file":      {file: "pools: off\n", off: true},
		"a word of the file":   {file: "pools: \"on\"\n"},
		"the flag over a file": {file: file, args: []string{"--pools=off"}, off: true},
		"by language": {file: file, want: map[runtimes.Language]actors.PoolSize{
			runtimes.Python:     {Min: 5, Max: 16, Imports: []string{"numpy", "matplotlib.pyplot"}},
			runtimes.Go:         {Max: 3},
			runtimes.TypeScript: {Min: 1, Max: 1},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.file != "" {
				args = append(args, "--config", writeConfig(t, c.file))
			}
			found, err := load(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			options, err := found.pools(&sessions.Policy{})
			if err != nil || (options == nil) != c.off {
				t.Fatalf("%+v, %v", options, err)
			}
			if c.off {
				return
			}
			if len(options.Sizes) != len(c.want) {
				t.Errorf("%+v, want %+v", options.Sizes, c.want)
			}
			for l := range maps.Keys(c.want) {
				got, want := options.Sizes[l], c.want[l]
				if got.Min != want.Min || got.Max != want.Max || strings.Join(got.Imports, " ") != strings.Join(want.Imports, " ") {
					t.Errorf("%s: %+v, want %+v", l, got, want)
				}
			}
			if options.MemoryBytes <= 0 || options.Limits.MemoryBytes != 512<<20 {
				t.Errorf("%+v", options)
			}
		})
	}
}

func TestPoolsThatCannotBeAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ file, flag, want string }{
		"another word":          {flag: "maybe", want: "on, off"},
		"another language":      {file: "pools: {cobol: {min: 1}}", want: "cobol"},
		"another member":        {file: "pools: {python: {least: 1}}", want: "least"},
		"more least than most":  {file: "pools: {python: {min: 3, max: 2}}", want: "min and max of python"},
		"a negative number":     {file: "pools: {python: {min: -1}}", want: "min and max of python"},
		"too many":              {file: "pools: {python: {max: 100000}}", want: "min and max of python"},
		"a number":              {file: "pools: 7", want: "on, off"},
		"imports of javascript": {file: "pools: {javascript: {imports: [lodash]}}", want: "imports of javascript"},
		"code as an import":     {file: "pools: {python: {imports: [\"os; evil\"]}}", want: "no name of a module"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--pools", c.flag}
			if c.file != "" {
				args = []string{"--config", writeConfig(t, c.file+"\n")}
			}
			if _, err := load(t, args...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
