// Package jsonrpc is the JSON-RPC 2.0 envelope: it splits a message into
// requests, says what is wrong with those that are none, and writes replies
// and notifications. It knows no method, no socket and no application code.
//
// # Reading
//
// A message holds one request, or one batch, or several of these separated by
// newlines. [Parser.Parse] walks it in order and calls its serve function with
// every valid request; it answers the others itself. A value must be followed
// by white space with a newline in it, or by the end: anything else on the line
// makes the value a parse error. After a parse error the rest of the message is
// not read, for nobody can say where its next value begins; the values before
// it have been served.
//
// Member names are exact. A duplicated member at any depth, a lone surrogate
// and invalid UTF-8 are refused: inside params with -32602, the id and the
// member, elsewhere as a parse error, which in a batch is that of one member.
// More than 10,000 levels are a parse error.
//
// # Life of a request
//
// The [Request] given to serve and all it refers to are valid until serve
// returns: they live in pooled memory. Who answers later copies the id (and
// decodes the params) before. serve runs on the goroutine that called Parse.
//
// # Answering
//
// Replies go to a [Replier]: the connection for a lone request, a [Batch] for
// the members of an array, [Lines] for HTTP. All take replies from any
// goroutine. Each request that is no notification is to be answered exactly
// once; a batch sends its one message when its last member was answered, and
// nothing when all its members were notifications.
//
// # Encoding
//
// [AppendResult] and its kin append to the caller's bytes. The encoder replaces
// invalid UTF-8 in strings by U+FFFD without a word: bytes that may not be text
// are base64 before they get here.
//
// # Decoding
//
// github.com/goccy/go-json decodes, by its package /v2: names are exact, and
// duplicates, lone surrogates and invalid UTF-8 are refused at any depth.
package jsonrpc
