package jsonrpc

// reset forgets the members and keeps their memory.
func (e *envelope) reset() {
	e.JSONRPC, e.ID, e.Method, e.Params = e.JSONRPC[:0], e.ID[:0], e.Method[:0], e.Params[:0]
}

// size is the memory the members hold.
func (e *envelope) size() int {
	return cap(e.JSONRPC) + cap(e.ID) + cap(e.Method) + cap(e.Params)
}

// unquoted is the text of a JSON string, without a copy when it has no escape.
// Anything else is returned as it is.
func unquoted(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return raw
	}
	text := raw[1 : len(raw)-1]
	for _, c := range text {
		if c == '\\' {
			return unescape(raw)
		}
	}
	return text
}
