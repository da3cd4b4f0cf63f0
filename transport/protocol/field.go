package protocol

import (
	"reflect"
	"strings"
)

// field is one member of a wire type.
type field struct {
	name     string
	typ      reflect.Type
	doc      string
	alias    string // canonical member
	min, max string
	preset   string // JSON of the default

	required      bool // in a request
	always        bool // in a result: never left out
	nullable      bool // in a result
	command       bool // it is the command of session.execute
	commandResult bool
}

// fieldsOf lists the members of a struct as JSON sees them: those of an
// embedded struct among them.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous {
			list = append(list, fieldsOf(sf.Type)...)
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		f := field{
			name: name, typ: sf.Type,
			doc: sf.Tag.Get("doc"), alias: sf.Tag.Get("alias"),
			min: sf.Tag.Get("min"), max: sf.Tag.Get("max"), preset: sf.Tag.Get("default"),
			always: options == "",
		}
		f.nullable = f.always && sf.Type.Kind() == reflect.Pointer
		for word := range strings.SplitSeq(sf.Tag.Get("rpc"), ",") {
			switch word {
			case "required":
				f.required = true
			case "command":
				f.command = true
			case "commandResult":
				f.commandResult = true
			}
		}
		list = append(list, f)
	}
	return list
}
