package jsonrpc

import "slices"

// ID is the id of a request as it was written: the JSON text of a string, a
// number or null. It is echoed byte for byte. An empty ID is an absent one.
type ID []byte

// Null is the id of a reply to a request whose id could not be read.
var Null = ID("null")

// Absent reports whether there is no id, which makes a request a notification.
func (id ID) Absent() bool { return len(id) == 0 }

// Clone returns a copy that outlives the request.
func (id ID) Clone() ID { return slices.Clone(id) }

// orNull is id, or null for an absent one: a reply always has an id.
func (id ID) orNull() ID {
	if id.Absent() {
		return Null
	}
	return id
}
