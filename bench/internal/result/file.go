package result

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Write writes the document as indented JSON.
func (r *Run) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// ReadFile reads a document that Write wrote.
// Errors: it is no such document, or one of another schema.
func ReadFile(path string) (*Run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Run
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s is not a report in JSON (-o report.json makes one): %w", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("%s has the schema %q, this program reads %q", path, r.Schema, Schema)
	}
	return &r, nil
}
