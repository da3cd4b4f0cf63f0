package protocol

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

const docsFile = "../../docs/protocol.md"

// TestTheDocsSayWhatTheTablesSay compares the generated parts of the document,
// between <!-- generated: NAME --> and <!-- end -->, with the code.
func TestTheDocsSayWhatTheTablesSay(t *testing.T) {
	b, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]func() string{
		"methods": methodsTable, "params": paramsTables, "commands": commandsTables,
		"notifications": notificationsTables, "errors": errorsTable, "types": typesTables,
	}
	generated := regexp.MustCompile(`(?s)<!-- generated: (\w+) -->\n(.*?)<!-- end -->`)
	var seen []string
	out := generated.ReplaceAllStringFunc(string(b), func(block string) string {
		m := generated.FindStringSubmatch(block)
		seen = append(seen, m[1])
		make := parts[m[1]]
		if make == nil {
			t.Fatalf("unknown part %q", m[1])
		}
		if want := make(); m[2] != want && !*update {
			t.Errorf("%s, part %s, is not what the code says; run go test ./transport/protocol -update", docsFile, m[1])
		}
		return "<!-- generated: " + m[1] + " -->\n" + make() + "<!-- end -->"
	})
	slices.Sort(seen)
	if got := strings.Join(seen, " "); got != "commands errors methods notifications params types" {
		t.Errorf("generated parts: %s", got)
	}
	if *update {
		if err := os.WriteFile(docsFile, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func methodsTable() string {
	var b strings.Builder
	b.WriteString("\n| method | what it does | errors |\n| --- | --- | --- |\n")
	for _, m := range Methods() {
		summary := m.Summary
		if m.NeedsConnection {
			summary += " WebSocket only."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, summary, codes(m.Errors))
	}
	return b.String() + "\n"
}

func codes(list []jsonrpc.Code) string {
	var s []string
	for _, code := range list {
		s = append(s, fmt.Sprint(int(code)))
	}
	return strings.Join(s, ", ")
}

func paramsTables() string {
	var b strings.Builder
	b.WriteString("\n")
	for _, m := range Methods() {
		if m.params == nil {
			continue
		}
		fmt.Fprintf(&b, "### `%s`\n\n", m.Name)
		requestTable(&b, reflect.TypeOf(m.params))
		if m.result != nil {
			fmt.Fprintf(&b, "Result: %s.\n\n", typeName(reflect.TypeOf(m.result)))
		}
	}
	return b.String()
}

func requestTable(b *strings.Builder, t reflect.Type) {
	b.WriteString("| member | type | default | what it is |\n| --- | --- | --- | --- |\n")
	for _, f := range fieldsOf(t) {
		if f.alias != "" {
			continue
		}
		preset := ""
		switch {
		case f.required:
			preset = "required"
		case f.preset != "":
			preset = "`" + f.preset + "`"
		}
		name := "`" + f.name + "`"
		for _, other := range fieldsOf(t) {
			if other.alias == f.name {
				name += " (`" + other.name + "`)"
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s%s |\n", name, fieldType(f), preset, f.doc, bounds(f))
	}
	b.WriteString("\n")
}

func bounds(f field) string {
	switch {
	case f.min != "" && f.max != "":
		return "; from " + f.min + " to " + f.max
	case f.min != "":
		return "; at least " + f.min
	}
	return ""
}

func fieldType(f field) string {
	switch {
	case f.command:
		return "command"
	case f.commandResult:
		return "any"
	}
	s := typeName(f.typ)
	if f.nullable {
		s += " or null"
	}
	return s
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if e, ok := reflect.Zero(t).Interface().(enumeration); ok {
		w := e.words()
		s := strings.Join(w.list, ", ")
		if w.numbers {
			s += fmt.Sprintf(" (or 0 to %d)", len(w.list)-1)
		}
		return s
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Map:
		return "object of strings"
	case reflect.Slice:
		if t == rawType {
			return "any"
		}
		return "array of " + typeName(t.Elem())
	case reflect.Struct:
		return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name()))
	}
	return "any"
}

func commandsTables() string {
	var b strings.Builder
	b.WriteString("\n")
	for _, k := range Commands() {
		fmt.Fprintf(&b, "### `%s`\n\n%s", k.Type, k.Summary)
		for _, alias := range k.Aliases {
			fmt.Fprintf(&b, " Alias `%s`.", alias)
		}
		b.WriteString("\n\n")
		requestTable(&b, reflect.TypeOf(k.params))
		fmt.Fprintf(&b, "Result: %s.\n\n", typeName(reflect.TypeOf(k.result)))
	}
	return b.String()
}

func notificationsTables() string {
	var b strings.Builder
	b.WriteString("\n")
	for _, n := range Notifications() {
		fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", n.Name, n.Summary)
		resultTable(&b, reflect.TypeOf(n.params))
	}
	return b.String()
}

func resultTable(b *strings.Builder, t reflect.Type) {
	b.WriteString("| member | type | what it is |\n| --- | --- | --- |\n")
	for _, f := range fieldsOf(t) {
		name := "`" + f.name + "`"
		if !f.always {
			name += " (optional)"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, fieldType(f), f.doc)
	}
	b.WriteString("\n")
}

// typesTables describe the objects that results and params refer to.
func typesTables() string {
	found := map[string]reflect.Type{}
	for _, m := range Methods() {
		if m.params != nil {
			collect(reflect.TypeOf(m.params), found, false)
		}
		if m.result != nil {
			collect(reflect.TypeOf(m.result), found, true)
		}
	}
	for _, k := range Commands() {
		collect(reflect.TypeOf(k.params), found, false)
		collect(reflect.TypeOf(k.result), found, true)
	}
	var b strings.Builder
	b.WriteString("\n")
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&b, "### %s\n\n", name)
		if t := found[name]; len(fieldsOf(t)) > 0 {
			resultTable(&b, t)
		} else {
			b.WriteString("An object without members.\n\n")
		}
	}
	return b.String()
}

func collect(t reflect.Type, found map[string]reflect.Type, itself bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), found, true)
	case reflect.Struct:
		if itself {
			if found[t.Name()] != nil {
				return
			}
			found[t.Name()] = t
		}
		for _, f := range fieldsOf(t) {
			collect(f.typ, found, true)
		}
	}
}

func errorsTable() string {
	var b strings.Builder
	b.WriteString("\n| code | name | when | retry |\n| --- | --- | --- | --- |\n")
	for _, f := range Errors() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", f.Code, f.Name, f.Summary, f.Retry)
	}
	return b.String() + "\n"
}
