package fake

import (
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// Options set up a Runtime. The zero value is a Native runtime that serves all
// of Native's languages at once and without fail.
type Options struct {
	// Type is the kind it says it is. Zero is Native.
	Type runtimes.Type
	// Languages are those served; nil is all that a runtime of that type may
	// serve.
	Languages []runtimes.Language
	// Score is the isolation score it claims, 0 to 10.
	Score int
	// Programs are found before the built-in ones, by name.
	Programs map[string]Program
	// CreateDelay is how long a Create takes.
	CreateDelay time.Duration
	// CreateError, when set, is asked by each Create after the delay; what it
	// returns fails it.
	CreateError func(runtimes.Spec) error
	// Dir holds the workspaces. "" is the directory for temporary files.
	Dir string
}

func (o *Options) applyDefaults() {
	if o.Type == 0 {
		o.Type = runtimes.Native
	}
	if o.Languages != nil {
		return
	}
	for _, language := range runtimes.Languages() {
		for _, served := range language.Runtimes() {
			if served == o.Type {
				o.Languages = append(o.Languages, language)
			}
		}
	}
}
