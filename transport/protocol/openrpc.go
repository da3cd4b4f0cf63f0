package protocol

import (
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// openRPC is the version of the specification that Discover follows.
const openRPC = "1.4.1"

// object is a JSON object under construction.
type object = map[string]any

// Discover returns the OpenRPC document of a server: the method table with
// schemas (JSON Schema, draft 07) read from the Go types. Each call makes a
// new one.
func Discover(server Info) any {
	b := &schemas{components: object{}}
	list := make([]any, 0, len(methods))
	for i := range methods {
		list = append(list, b.method(&methods[i]))
	}
	return object{
		"openrpc": openRPC,
		"info": object{
			"title":       server.Name,
			"version":     server.Version,
			"description": "Isolated sessions that run programs. Protocol version " + Version + ".",
			"license":     object{"name": "MIT"},
		},
		"methods":         list,
		"components":      object{"schemas": b.components, "errors": errorComponents()},
		"x-notifications": b.notifications(),
	}
}

func (b *schemas) method(m *Method) object {
	params := []any{}
	if m.params != nil {
		params = b.params(reflect.TypeOf(m.params))
	}
	result := object{"name": "result", "schema": object{"type": "object"}}
	if m.result != nil {
		t := reflect.TypeOf(m.result)
		result = object{"name": t.Name(), "schema": b.of(t)}
	}
	return object{
		"name":           m.Name,
		"summary":        m.Summary,
		"paramStructure": "by-name",
		"params":         params,
		"result":         result,
		"errors":         errorRefs(m),
	}
}

// params are the content descriptors of a struct's members; the specification
// wants the required ones first.
func (b *schemas) params(t reflect.Type) []any {
	required, optional := []any{}, []any{}
	for _, f := range fieldsOf(t) {
		d := object{"name": f.name, "required": f.required, "schema": b.member(f)}
		if f.doc != "" {
			d["summary"] = f.doc
		}
		if f.required {
			required = append(required, d)
		} else {
			optional = append(optional, d)
		}
	}
	return append(required, optional...)
}

func errorRefs(m *Method) []any {
	codes := append([]jsonrpc.Code{jsonrpc.InvalidParams, jsonrpc.InternalError, Busy}, m.Errors...)
	refs := make([]any, 0, len(codes))
	for _, code := range codes {
		refs = append(refs, object{"$ref": "#/components/errors/" + Facts(code).Name})
	}
	return refs
}

func errorComponents() object {
	all := object{}
	for _, f := range errorFacts {
		all[f.Name] = object{"code": int(f.Code), "message": f.Summary}
	}
	return all
}

// notifications are an extension: OpenRPC has no word for what a server sends
// by itself.
func (b *schemas) notifications() []any {
	list := make([]any, 0, len(notifications))
	for _, n := range notifications {
		list = append(list, object{
			"name": n.Name, "summary": n.Summary, "paramStructure": "by-name",
			"params": b.params(reflect.TypeOf(n.params)),
		})
	}
	return list
}

// schemas makes JSON Schemas of Go types; structs go to components once.
type schemas struct{ components object }

var rawType = reflect.TypeFor[jsonrpc.Raw]()

// of is the schema of a type.
func (b *schemas) of(t reflect.Type) object {
	if e, ok := reflect.Zero(t).Interface().(enumeration); ok {
		return e.words().schema()
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": b.of(t.Elem())}
	case reflect.Pointer:
		return b.of(t.Elem())
	case reflect.Slice:
		if t == rawType {
			return object{}
		}
		return object{"type": "array", "items": b.of(t.Elem())}
	case reflect.Struct:
		return b.reference(t)
	}
	return object{}
}

// reference puts a struct among the components and refers to it.
func (b *schemas) reference(t reflect.Type) object {
	ref := object{"$ref": "#/components/schemas/" + t.Name()}
	if b.components[t.Name()] == nil {
		b.components[t.Name()] = object{} // ends a recursion
		b.components[t.Name()] = b.structure(t)
	}
	return ref
}

func (b *schemas) structure(t reflect.Type) object {
	properties, required, either := object{}, []any{}, []any{}
	aliases := map[string]string{}
	for _, f := range fieldsOf(t) {
		properties[f.name] = b.member(f)
		if f.alias != "" {
			aliases[f.alias] = f.name
		}
	}
	for _, f := range fieldsOf(t) {
		switch alias := aliases[f.name]; {
		case f.required && alias != "":
			either = append(either, object{"anyOf": []any{
				object{"required": []any{f.name}}, object{"required": []any{alias}}}})
		case f.required || f.always:
			required = append(required, f.name)
		}
	}
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	if len(either) > 0 {
		s["allOf"] = either
	}
	return s
}

// member is the schema of one member with what its tags say.
func (b *schemas) member(f field) object {
	s := object{}
	switch {
	case f.command:
		s["oneOf"] = b.commands()
	case f.commandResult:
		s["anyOf"] = b.commandResults()
	default:
		s = b.of(f.typ)
	}
	if f.nullable {
		s = object{"anyOf": []any{s, object{"type": "null"}}}
	}
	if s["$ref"] != nil {
		return s // draft 07 ignores what stands beside a $ref
	}
	if f.doc != "" {
		s["description"] = f.doc
	}
	if f.alias != "" {
		s["description"] = "another name of " + f.alias
	}
	for name, value := range map[string]string{"minimum": f.min, "maximum": f.max} {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			s[name] = n
		}
	}
	if f.preset != "" {
		s["default"] = json.RawMessage(f.preset)
	}
	return s
}

// commands are the schemas of the commands, told apart by type.
func (b *schemas) commands() []any {
	list := make([]any, 0, len(commandKinds))
	for _, k := range commandKinds {
		t := reflect.TypeOf(k.params)
		s := b.structure(t)
		names := []any{k.Type}
		for _, alias := range k.Aliases {
			names = append(names, alias)
		}
		s["properties"].(object)["type"] = object{"enum": names}
		required, _ := s["required"].([]any)
		s["required"] = append([]any{"type"}, required...)
		s["title"], s["description"] = k.Type, k.Summary
		b.components[t.Name()+"Command"] = s
		list = append(list, object{"$ref": "#/components/schemas/" + t.Name() + "Command"})
	}
	return list
}

func (b *schemas) commandResults() []any {
	list, seen := []any{}, map[reflect.Type]bool{}
	for _, k := range commandKinds {
		if t := reflect.TypeOf(k.result); !seen[t] {
			seen[t] = true
			list = append(list, b.of(t))
		}
	}
	return append(list, object{"type": "null"})
}

func (w *words) schema() object {
	values := make([]any, 0, 2*len(w.list))
	for _, word := range w.list {
		values = append(values, word)
	}
	if w.numbers {
		for n := range w.list {
			values = append(values, n)
		}
	}
	return object{"enum": values}
}
