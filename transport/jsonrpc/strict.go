//go:build codebeaker_stdjson

package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

var (
	errDuplicate = errors.New("duplicate member name")
	errSurrogate = errors.New("lone surrogate in a string")
	errUTF8      = errors.New("invalid UTF-8")
)

// strict refuses what encoding/json lets pass and the protocol does not:
// duplicated names, lone surrogates, invalid UTF-8. One pass, whatever the
// depth; json.Valid has bounded that to 10,000 levels.
func strict(b []byte) error {
	if !json.Valid(b) {
		return errNotValid
	}
	if !utf8.Valid(b) {
		return errUTF8
	}
	var open []map[string]bool // the names seen in each open object; nil for an array
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{':
			open = append(open, map[string]bool{})
		case '[':
			open = append(open, nil)
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := skipString(b, i)
			if err := strictString(b[i:end]); err != nil {
				return err
			}
			if next := skipSpace(b, end); next < len(b) && b[next] == ':' {
				if err := firstOfName(open[len(open)-1], b[i:end]); err != nil {
					return err
				}
			}
			i = end - 1
		}
	}
	return nil
}

func firstOfName(seen map[string]bool, quoted []byte) error {
	name := string(unquoted(quoted))
	if seen[name] {
		return fmt.Errorf("%w %q", errDuplicate, name)
	}
	seen[name] = true
	return nil
}

// strictString checks that \u escapes in the surrogate range come in pairs
// (RFC 8259, section 7).
func strictString(quoted []byte) error {
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++ // the escaped byte
		if quoted[i] != 'u' {
			continue
		}
		unit := codeUnit(quoted[i:])
		i += 4
		if unit < 0xd800 || unit > 0xdfff {
			continue
		}
		if unit > 0xdbff || i+6 >= len(quoted) || quoted[i+1] != '\\' || quoted[i+2] != 'u' {
			return errSurrogate
		}
		if low := codeUnit(quoted[i+2:]); low < 0xdc00 || low > 0xdfff {
			return errSurrogate
		}
		i += 6
	}
	return nil
}

// codeUnit is the number of the escape that starts with its u.
func codeUnit(escape []byte) uint64 {
	n, err := strconv.ParseUint(string(escape[1:5]), 16, 16)
	if err != nil {
		return 0 // json.Valid has refused it
	}
	return n
}
