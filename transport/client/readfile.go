package client

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// CommandError is a command that could not do its work, where a method returns
// something else than its result.
type CommandError struct {
	Code    string // errorCode of the result, as NotFound
	Message string
}

// Error is the sentence of the result with its code.
func (e *CommandError) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

// ReadFile returns the whole content of a file, in as many calls as it takes.
// What changes in the file meanwhile may be seen in part.
// Errors: *CommandError when it cannot be read; those of Call.
func (c *Client) ReadFile(ctx context.Context, session, path string) ([]byte, error) {
	var content []byte
	for {
		offset := int64(len(content))
		r, err := c.Exec(ctx, session, &protocol.ReadFile{Path: &path, Offset: &offset})
		if err != nil {
			return nil, err
		}
		f, ok := r.Result.(*protocol.FileContent)
		if !ok {
			failed := &CommandError{Code: r.ErrorCode}
			if r.Error != nil {
				failed.Message = *r.Error
			}
			return nil, failed
		}
		part := []byte(f.Content)
		if f.Encoding == string(protocol.Base64) {
			if part, err = base64.StdEncoding.DecodeString(f.Content); err != nil {
				return nil, fmt.Errorf("content of %s: %w", path, err)
			}
		}
		content = append(content, part...)
		if !f.Truncated || len(part) == 0 {
			return content, nil
		}
	}
}
