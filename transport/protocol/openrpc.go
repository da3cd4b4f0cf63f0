package protocol

import (
	"reflect"

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
