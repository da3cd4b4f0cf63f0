package jsonrpc

// Raw is JSON text. As a result or as params it is copied as it is, so it must
// be one valid value. An empty Raw is an absent value, written as null.
type Raw []byte

// MarshalJSON lets a Raw stand inside another value.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON copies b, for a value that is decoded later.
func (r *Raw) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}
