// Package protocol holds the wire types of protocol version 1: the params and
// the result of every method, the commands, the notifications, the error codes
// of the application, and one table of methods, [Methods], from which dispatch,
// rpc.discover and the check of docs/protocol.md follow.
//
// # Struct tags
//
// The schemas of [Discover] are read from the types. Besides json a member may
// have
//
//	doc      what it is, one sentence without its period
//	rpc      "required" when a request without it is refused
//	alias    the canonical member this one is another name of
//	default  what an absent member means, as JSON
//	min, max the bounds of a number
//
// In params a pointer tells an absent member from a zero. Null is absent.
//
// # Aliases and words
//
// An alias is a member of its own that [DecodeCommand] moves into the
// canonical one, so nothing behind this package knows of it. Words of an
// enumeration are read without regard to case, and as the numbers an older
// implementation used where it did; decoded they have their canonical form.
package protocol
