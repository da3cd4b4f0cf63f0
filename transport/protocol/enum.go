package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Preference is the word of runtimePreference; "" is absent.
type Preference string

// RuntimeType is the word of runtimeType; "" is absent.
type RuntimeType string

// Network is the word of network; "" is absent.
type Network string

// Encoding is the word of encoding; "" is absent.
type Encoding string

// The encodings of content and data.
const (
	UTF8   Encoding = "utf8"
	Base64 Encoding = "base64"
)

// WriteMode is the word of mode; "" is absent.
type WriteMode string

// The write modes.
const (
	Create    WriteMode = "Create"
	Overwrite WriteMode = "Overwrite"
	Append    WriteMode = "Append"
)

var (
	preferenceWords = words{list: []string{"Speed", "Security", "Memory", "Balanced"}, numbers: true}
	runtimeWords    = words{list: []string{"Docker", "Deno", "Bun", "Native", "Embedded"}}
	networkWords    = words{list: []string{"none", "internet"}}
	encodingWords   = words{list: []string{"utf8", "base64"}, others: map[string]string{"utf-8": "utf8"}}
	modeWords       = words{list: []string{"Create", "Overwrite", "Append"}, numbers: true}
)

// UnmarshalJSON reads a word without regard to case, or its number.
func (p *Preference) UnmarshalJSON(b []byte) error { return preferenceWords.decode(b, (*string)(p)) }

// UnmarshalJSON reads a word without regard to case.
func (t *RuntimeType) UnmarshalJSON(b []byte) error { return runtimeWords.decode(b, (*string)(t)) }

// UnmarshalJSON reads a word without regard to case.
func (n *Network) UnmarshalJSON(b []byte) error { return networkWords.decode(b, (*string)(n)) }

// UnmarshalJSON reads a word without regard to case.
func (e *Encoding) UnmarshalJSON(b []byte) error { return encodingWords.decode(b, (*string)(e)) }

// UnmarshalJSON reads a word without regard to case, or its number.
func (m *WriteMode) UnmarshalJSON(b []byte) error { return modeWords.decode(b, (*string)(m)) }

func (Preference) words() *words  { return &preferenceWords }
func (RuntimeType) words() *words { return &runtimeWords }
func (Network) words() *words     { return &networkWords }
func (Encoding) words() *words    { return &encodingWords }
func (WriteMode) words() *words   { return &modeWords }

// enumeration is a type whose values are words.
type enumeration interface{ words() *words }

// words are the values of an enumeration.
type words struct {
	list    []string
	others  map[string]string // other spellings, lower case
	numbers bool              // the index in list is accepted too
}

// decode reads a JSON value into dst in its canonical spelling; null is "".
func (w *words) decode(b []byte, dst *string) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("must be a word: %w", err)
	}
	switch v := v.(type) {
	case nil:
		*dst = ""
		return nil
	case string:
		if canonical, ok := w.find(v); ok {
			*dst = canonical
			return nil
		}
	case float64:
		if n := int(v); w.numbers && float64(n) == v && n >= 0 && n < len(w.list) {
			*dst = w.list[n]
			return nil
		}
	}
	return errors.New(w.rule())
}

func (w *words) find(s string) (string, bool) {
	for _, word := range w.list {
		if strings.EqualFold(word, s) {
			return word, true
		}
	}
	canonical, ok := w.others[strings.ToLower(s)]
	return canonical, ok
}

func (w *words) rule() string {
	s := "must be one of " + strings.Join(w.list, ", ")
	if w.numbers {
		s += fmt.Sprintf(" (or 0 to %d)", len(w.list)-1)
	}
	return s
}
