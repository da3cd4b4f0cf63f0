package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"go.yaml.in/yaml/v3"
)

// parse reads the text of a policy; dir is where its files of digests are.
// Errors begin with the line.
func parse(text []byte, dir string) (*Rules, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("1: the file is larger than %d bytes", maxFile)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "line "))
	}
	if len(document.Content) == 0 {
		return &Rules{}, nil
	}
	top, err := members(document.Content[0], "rules", "detectors")
	if err != nil {
		return nil, err
	}
	detectors, err := parseDetectors(top["detectors"], dir)
	if err != nil {
		return nil, err
	}
	env, err := cel.NewEnv(variables...)
	if err != nil {
		return nil, fmt.Errorf("1: %w", err)
	}
	list := top["rules"]
	switch {
	case list == nil:
		return &Rules{}, nil
	case list.Kind != yaml.SequenceNode:
		return nil, wrong(list, "rules must be a list")
	case len(list.Content) > maxRules:
		return nil, wrong(list, "there may be %d rules", maxRules)
	}
	rules := &Rules{}
	for _, n := range list.Content {
		one, err := parseRule(n, env, detectors)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(rules.rules, func(r rule) bool { return r.name == one.name }) {
			return nil, wrong(n, "there are two rules %q", one.name)
		}
		rules.rules = append(rules.rules, one)
	}
	return rules, nil
}

func parseRule(n *yaml.Node, env *cel.Env, detectors map[string]*detector) (one rule, err error) {
	m, err := members(n, "name", "on", "when", "scan", "then", "say")
	if err != nil {
		return one, err
	}
	one.line = n.Line
	for name, to := range map[string]*string{"name": &one.name, "on": &one.on, "then": &one.then, "say": &one.say} {
		if v := m[name]; v != nil {
			if err := text(v, name, to); err != nil {
				return one, err
			}
		}
	}
	if one.name == "" {
		return one, wrong(n, "a rule must have a name")
	}
	if !slices.Contains([]string{"", OnCreate, OnExecute}, one.on) {
		return one, wrong(m["on"], "on is %q: it must be create or execute, or be left out for both", one.on)
	}
	if !slices.Contains([]string{Allow, Refuse, Mark}, one.then) {
		return one, wrong(or(m["then"], n), "then is %q: it must be allow, refuse or mark", one.then)
	}
	if (one.then == Refuse) != (one.say != "") {
		return one, wrong(n, "say is the sentence that a client is refused with: a rule that refuses must have one, and no other")
	}
	if v := m["scan"]; v != nil {
		if one.scan, err = scanOf(v, detectors); err != nil {
			return one, err
		}
	}
	switch v := m["when"]; {
	case v != nil:
		if one.program, err = compile(v, env); err != nil {
			return one, err
		}
	case len(one.scan) == 0:
		return one, wrong(n, "the rule %q has neither when nor scan", one.name)
	}
	return one, nil
}

// scanOf are the detectors that a rule names.
func scanOf(n *yaml.Node, detectors map[string]*detector) (all []*detector, err error) {
	var names []string
	if err := n.Decode(&names); err != nil {
		return nil, wrong(n, "scan must be a list of names of detectors")
	}
	for _, name := range names {
		d := detectors[name]
		if d == nil {
			return nil, wrong(n, "there is no detector %q", name)
		}
		all = append(all, d)
	}
	return all, nil
}

// compile checks an expression and makes a program of it.
func compile(n *yaml.Node, env *cel.Env) (cel.Program, error) {
	var source string
	if err := text(n, "when", &source); err != nil {
		return nil, err
	}
	ast, issues := env.Compile(source)
	if err := issues.Err(); err != nil {
		at := n.Line
		if n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle {
			at++ // the text begins below
			if list := issues.Errors(); n.Style == yaml.LiteralStyle && len(list) > 0 {
				at += list[0].Location.Line() - 1
			}
		}
		return nil, fmt.Errorf("%d: when: %s", at, issues.Errors()[0].Message)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, wrong(n, "when is a %s: it must be true or false", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, wrong(n, "when: %v", err)
	}
	return program, nil
}

// members are those of a mapping, of which only the named ones may be there.
func members(n *yaml.Node, names ...string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, "must have the members %s", strings.Join(names, ", "))
	}
	all := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		switch {
		case !slices.Contains(names, name.Value):
			return nil, wrong(name, "there is no member %q: there are %s", name.Value, strings.Join(names, ", "))
		case all[name.Value] != nil:
			return nil, wrong(name, "%q is there twice", name.Value)
		}
		all[name.Value] = n.Content[i+1]
	}
	return all, nil
}

func text(n *yaml.Node, name string, to *string) error {
	if n.Kind != yaml.ScalarNode {
		return wrong(n, "%s must be a text", name)
	}
	*to = n.Value
	return nil
}

func or(n, otherwise *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return otherwise
}
