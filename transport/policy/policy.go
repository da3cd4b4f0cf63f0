// Package policy decides by an operator's rules what clients may create and
// execute. Rules are expressions of CEL in a YAML file. A rule may have contents
// scanned by patterns and digests that the file names. It advises: what holds
// programs is the kernel, not a rule about their names.
package policy

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"cel.dev/cel-go/cel"
	"go.yaml.in/yaml/v3"
)

// What a rule is about.
const (
	OnCreate  = "create"
	OnExecute = "execute"
)

// What a rule does where it applies.
const (
	Allow  = "allow"  // and looks at no further rule
	Refuse = "refuse" // with a sentence
	Mark   = "mark"   // in the audit log, and looks at the further rules
)

const (
	// maxRules, maxFile and maxExpression bound what an operator writes.
	maxRules, maxFile, maxExpression = 1000, 1 << 20, 16 << 10
	// costLimit bounds the evaluation of one rule: about so many steps, of which
	// ten bytes of a text that is searched are one.
	costLimit = 500_000
)

// Request is what a rule is asked about. What does not apply is zero.
type Request struct {
	On           string // OnCreate or OnExecute
	Key, Address string

	Language, Runtime, Image, Network string
	MemoryMB, DiskMB, Processes       int64
	CPUs                              float64
	Labels                            map[string]string

	Type, Program     string
	Args              []string
	Path, Destination string
	Size              int64 // bytes of Content
	Background        bool

	// Content is written to a file or to the input of a program. Rules see its
	// size; detectors look at it, and at Args.
	Content []byte
}

// Decision is what came of a request. The zero Decision allows.
type Decision struct {
	Refused bool
	Rule    string // that refused or allowed; "" for none
	Reason  string // of a refusal
	Marks   []string
}

// rule is one rule of a file.
type rule struct {
	name, on, then, say string
	line                int
	program             cel.Program // nil always applies
	scan                []*detector
}

// Rules are the rules of a file. They do not change.
type Rules struct{ rules []rule }

// Len is how many there are.
func (r *Rules) Len() int { return len(r.rules) }

// File is a policy in a file, which may be read again. Its methods are safe for
// concurrent use; the nil File allows everything.
type File struct {
	path string
	now  atomic.Pointer[Rules]
}

// Open reads a policy.
// Errors: what is wrong, with the line in the file.
func Open(path string) (*File, error) {
	f := &File{path: path}
	return f, f.Reload()
}

// Reload reads the file again. After an error the rules are as before.
func (f *File) Reload() error {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	rules, err := parse(text, filepath.Dir(f.path))
	if err != nil {
		return fmt.Errorf("policy: %s:%w", f.path, err)
	}
	f.now.Store(rules)
	return nil
}

// Len is how many rules hold now.
func (f *File) Len() int { return f.now.Load().Len() }

// Check decides about a request.
func (f *File) Check(r *Request, log *slog.Logger) Decision {
	if f == nil {
		return Decision{}
	}
	return f.now.Load().check(r, log)
}

func (rules *Rules) check(r *Request, log *slog.Logger) (d Decision) {
	values := variablesOf(r)
	for i := range rules.rules {
		one := &rules.rules[i]
		if one.on != "" && one.on != r.On {
			continue
		}
		applies, err := one.applies(r, values)
		if err != nil {
			if log != nil {
				log.Warn("a rule of the policy could not be evaluated", "rule", one.name, "line", one.line, "error", err)
			}
			if one.then == Mark {
				d.Marks = append(d.Marks, one.name+"?")
				continue
			}
			// A rule that cannot be answered must not let through what it is for.
			d.Refused, d.Rule, d.Reason = true, one.name, "the rule "+one.name+" cannot be evaluated for this request"
			return d
		}
		if !applies {
			continue
		}
		switch one.then {
		case Mark:
			d.Marks = append(d.Marks, one.name)
		case Allow:
			d.Rule = one.name
			return d
		case Refuse:
			d.Refused, d.Rule, d.Reason = true, one.name, one.say
			return d
		}
	}
	return d
}

// applies evaluates the expression, and then looks at the content.
func (one *rule) applies(r *Request, values map[string]any) (bool, error) {
	if one.program != nil {
		out, _, err := one.program.Eval(values)
		if err != nil {
			return false, err
		}
		if yes, ok := out.Value().(bool); !ok || !yes {
			return false, nil
		}
	}
	if len(one.scan) == 0 {
		return true, nil
	}
	return slices.ContainsFunc(one.scan, func(d *detector) bool { return d.finds(r) }), nil
}

// variables are what an expression may name.
var variables = []cel.EnvOption{
	cel.Variable("on", cel.StringType), cel.Variable("key", cel.StringType), cel.Variable("address", cel.StringType),
	cel.Variable("language", cel.StringType), cel.Variable("runtime", cel.StringType), cel.Variable("image", cel.StringType),
	cel.Variable("network", cel.StringType), cel.Variable("memoryMB", cel.IntType), cel.Variable("diskMB", cel.IntType),
	cel.Variable("processes", cel.IntType), cel.Variable("cpus", cel.DoubleType),
	cel.Variable("labels", cel.MapType(cel.StringType, cel.StringType)),
	cel.Variable("type", cel.StringType), cel.Variable("program", cel.StringType), cel.Variable("args", cel.ListType(cel.StringType)),
	cel.Variable("path", cel.StringType), cel.Variable("destination", cel.StringType), cel.Variable("size", cel.IntType),
	cel.Variable("background", cel.BoolType),
	cel.CrossTypeNumericComparisons(true), cel.ParserExpressionSizeLimit(maxExpression),
}

func variablesOf(r *Request) map[string]any {
	labels, args := r.Labels, r.Args
	if labels == nil {
		labels = map[string]string{}
	}
	if args == nil {
		args = []string{}
	}
	return map[string]any{
		"on": r.On, "key": r.Key, "address": r.Address,
		"language": r.Language, "runtime": r.Runtime, "image": r.Image, "network": r.Network,
		"memoryMB": r.MemoryMB, "diskMB": r.DiskMB, "processes": r.Processes, "cpus": r.CPUs, "labels": labels,
		"type": r.Type, "program": r.Program, "args": args, "path": r.Path, "destination": r.Destination,
		"size": r.Size, "background": r.Background,
	}
}

// wrong is an error with its line.
func wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%d: %s", n.Line, fmt.Sprintf(format, args...))
}
