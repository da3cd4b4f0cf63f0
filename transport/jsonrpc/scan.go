package jsonrpc

import "bytes"

// The scanner finds where values end by brackets and quotes alone. It judges
// nothing: what it cuts out goes to the decoder. On valid JSON it is exact.

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skipSpace returns the index of the first byte at or after i that is not JSON
// white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// skipString returns the index after the string whose opening quote is at i, or
// len(b) when it does not end.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		escapes := 0
		for j := i + n - 1; j >= i && b[j] == '\\'; j-- {
			escapes++
		}
		i += n
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// valueEnd returns the index after the value that starts at i, or len(b) when
// it does not end.
func valueEnd(b []byte, i int) int {
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return compositeEnd(b, i)
	}
	for i++; i < len(b) && !isSpace(b[i]) && b[i] != ',' && b[i] != ':' && b[i] != ']' && b[i] != '}'; i++ {
	}
	return i
}

func compositeEnd(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(b)
}

// element returns the bounds of the first element at or after i, the index
// after an opening bracket or after the element before. ok is false at the end.
// b must be valid JSON.
func element(b []byte, i int) (start, end int, ok bool) {
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ',' {
		i = skipSpace(b, i+1)
	}
	if i >= len(b) || b[i] == ']' || b[i] == '}' {
		return i, i, false
	}
	return i, valueEnd(b, i), true
}

// member is element for an object: the bounds of the next name (with its
// quotes) and of its value.
func member(b []byte, i int) (name []byte, start, end int, ok bool) {
	from, to, ok := element(b, i)
	if !ok {
		return nil, from, to, false
	}
	start = skipSpace(b, to)
	start = skipSpace(b, start+1) // over the colon
	return b[from:to], start, valueEnd(b, start), true
}
