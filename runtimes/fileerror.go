package runtimes

import "errors"

// FileCode says why a file command did not do its work. The values are the
// wire words: docs/protocol.md.
type FileCode string

// The codes of file commands.
const (
	CodeNotFound             FileCode = "NotFound"
	CodeAlreadyExists        FileCode = "AlreadyExists"
	CodeNotADirectory        FileCode = "NotADirectory"
	CodeIsADirectory         FileCode = "IsADirectory"
	CodeDirectoryNotEmpty    FileCode = "DirectoryNotEmpty"
	CodePathOutsideWorkspace FileCode = "PathOutsideWorkspace"
	CodeNotRegularFile       FileCode = "NotRegularFile"
	CodePermissionDenied     FileCode = "PermissionDenied"
	CodeNoSpace              FileCode = "NoSpace"
	CodeTooLarge             FileCode = "TooLarge"
	CodeInvalidEncoding      FileCode = "InvalidEncoding"
)

// FileError is a file command that could not do its work. Its text goes to the
// client: it names the path as the client gave it, never one of the server's.
type FileError struct {
	Code FileCode
	Path string
	// Message is a sentence: "no such file or directory".
	Message string
}

// Error gives the message and the path.
func (e *FileError) Error() string { return e.Message + ": " + e.Path }

// FileCodeOf returns the code of a *FileError in err's chain, or "".
func FileCodeOf(err error) FileCode {
	if err == nil {
		return "" // which costs nothing
	}
	var fileErr *FileError
	if errors.As(err, &fileErr) {
		return fileErr.Code
	}
	return ""
}
