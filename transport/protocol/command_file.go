package protocol

import "github.com/codebeaker/codebeaker/transport/jsonrpc"

// WriteFile is the command write_file.
type WriteFile struct {
	Path       *string   `json:"path,omitempty" rpc:"required" doc:"file to write"`
	Content    *string   `json:"content,omitempty" rpc:"required" doc:"what to write"`
	Encoding   Encoding  `json:"encoding,omitempty" default:"\"utf8\"" doc:"encoding of content"`
	Mode       WriteMode `json:"mode,omitempty" default:"\"Create\"" doc:"Create and Overwrite are synonyms: create, or overwrite in place once the space is reserved; Append is rolled back when space runs out"`
	Executable *bool     `json:"executable,omitempty" doc:"true lets those run the file who may read it, false nobody; absent changes nothing, and a new file is plain"`
	Atomic     bool      `json:"atomic,omitempty" default:"false" doc:"replace the file by a rename, so that a reader sees the old content or the new: the mode is kept, other hard links keep the old content; not with Append"`
}

// ReadFile is the command read_file.
type ReadFile struct {
	Path     *string  `json:"path,omitempty" rpc:"required" doc:"file to read"`
	Encoding Encoding `json:"encoding,omitempty" default:"\"utf8\"" doc:"wanted encoding of content; what is not UTF-8, or would more than double by its escapes, comes as base64"`
	Offset   *int64   `json:"offset,omitempty" default:"0" min:"0" doc:"first byte"`
	Length   *int64   `json:"length,omitempty" min:"1" doc:"bytes to read, to the end when absent; at most 8 MiB, and what fits into maxMessageBytes"`
}

// CreateDirectory is the command create_directory.
type CreateDirectory struct {
	Path      *string `json:"path,omitempty" rpc:"required" doc:"directory to make"`
	Recursive *bool   `json:"recursive,omitempty" default:"true" doc:"make those above it too, and do not mind one that is there"`
}

// CopyFile is the command copy_file.
type CopyFile struct {
	SourcePath      *string `json:"sourcePath,omitempty" rpc:"required" doc:"what to copy"`
	Source          *string `json:"source,omitempty" alias:"sourcePath"`
	DestinationPath *string `json:"destinationPath,omitempty" rpc:"required" doc:"name of the copy"`
	Destination     *string `json:"destination,omitempty" alias:"destinationPath"`
	Overwrite       *bool   `json:"overwrite,omitempty" default:"true" doc:"replace what is there"`
	Recursive       bool    `json:"recursive,omitempty" default:"false" doc:"copy a directory with what is in it"`
}

func (c *CopyFile) settle() *jsonrpc.ParamError {
	return firstOf(
		merge("sourcePath", &c.SourcePath, "source", &c.Source),
		merge("destinationPath", &c.DestinationPath, "destination", &c.Destination))
}

// MoveFile is the command move_file.
type MoveFile struct {
	SourcePath      *string `json:"sourcePath,omitempty" rpc:"required" doc:"what to rename"`
	Source          *string `json:"source,omitempty" alias:"sourcePath"`
	DestinationPath *string `json:"destinationPath,omitempty" rpc:"required" doc:"its new name"`
	Destination     *string `json:"destination,omitempty" alias:"destinationPath"`
	Overwrite       *bool   `json:"overwrite,omitempty" default:"true" doc:"replace what is there"`
}

func (c *MoveFile) settle() *jsonrpc.ParamError {
	return firstOf(
		merge("sourcePath", &c.SourcePath, "source", &c.Source),
		merge("destinationPath", &c.DestinationPath, "destination", &c.Destination))
}

// DeleteFile is the command delete_file.
type DeleteFile struct {
	Path      *string `json:"path,omitempty" rpc:"required" doc:"what to remove"`
	Recursive bool    `json:"recursive,omitempty" default:"false" doc:"remove a directory with what is in it"`
}

// ListDirectory is the command list_directory.
type ListDirectory struct {
	Path               *string `json:"path,omitempty" default:"\".\"" doc:"directory to list"`
	Recursive          bool    `json:"recursive,omitempty" default:"false" doc:"list what is below it too; links are not followed"`
	Pattern            string  `json:"pattern,omitempty" doc:"glob with **, {a,b} and [a-z]; without a slash on the name, at any depth of a recursive listing; with one on the path below the listed directory, as deep as it says; all when absent"`
	IncludeHidden      *bool   `json:"includeHidden,omitempty" default:"true" doc:"list names that begin with a dot"`
	IncludeHiddenAlias *bool   `json:"include_hidden,omitempty" alias:"includeHidden"`
	MaxDepth           *int64  `json:"maxDepth,omitempty" min:"1" doc:"levels of a recursive listing; all when absent"`
	MaxDepthAlias      *int64  `json:"max_depth,omitempty" alias:"maxDepth"`
	Limit              *int64  `json:"limit,omitempty" default:"10000" min:"1" max:"100000" doc:"entries in the answer"`
}

func (c *ListDirectory) settle() *jsonrpc.ParamError {
	return firstOf(
		merge("includeHidden", &c.IncludeHidden, "include_hidden", &c.IncludeHiddenAlias),
		merge("maxDepth", &c.MaxDepth, "max_depth", &c.MaxDepthAlias))
}

// FileWritten is the result of write_file.
type FileWritten struct {
	Path  string `json:"path" doc:"path that was given"`
	Bytes int64  `json:"bytes" doc:"bytes written"`
}

// FileContent is the result of read_file.
type FileContent struct {
	Path      string `json:"path" doc:"path that was given"`
	Content   string `json:"content" doc:"what was read"`
	Encoding  string `json:"encoding" doc:"utf8 or base64, of content"`
	Size      int64  `json:"size" doc:"bytes of the whole file"`
	Truncated bool   `json:"truncated" doc:"the file, or the part that length asked for, goes on: read on behind the bytes of content"`
}

// PathResult is the result of create_directory and delete_file.
type PathResult struct {
	Path string `json:"path" doc:"path that was given"`
}

// FileCopied is the result of copy_file.
type FileCopied struct {
	SourcePath      string `json:"sourcePath" doc:"path that was given"`
	DestinationPath string `json:"destinationPath" doc:"path that was given"`
	Bytes           int64  `json:"bytes" doc:"bytes copied"`
}

// FileMoved is the result of move_file.
type FileMoved struct {
	SourcePath      string `json:"sourcePath" doc:"path that was given"`
	DestinationPath string `json:"destinationPath" doc:"path that was given"`
}

// Listing is the result of list_directory.
type Listing struct {
	Path      string  `json:"path" doc:"path that was given"`
	Entries   []Entry `json:"entries" doc:"in the order of names"`
	Truncated bool    `json:"truncated" doc:"there are more: the limit was reached, or what fits into maxMessageBytes"`
}

// Entry is one name of a Listing.
type Entry struct {
	Name       string `json:"name" doc:"last element of path"`
	Path       string `json:"path" doc:"relative to the workspace"`
	Type       string `json:"type" doc:"file, directory, symlink or other"`
	Size       int64  `json:"size" doc:"bytes, of files"`
	Mode       string `json:"mode" doc:"permission bits in octal: 0644"`
	ModifiedAt string `json:"modifiedAt" doc:"RFC 3339, UTC"`
}

// merge moves an alias into its canonical member. Both may be given when they
// agree.
func merge[T comparable](name string, canonical **T, alias string, other **T) *jsonrpc.ParamError {
	if *other == nil {
		return nil
	}
	if *canonical != nil && **canonical != **other {
		return &jsonrpc.ParamError{Member: alias, Reason: "contradicts " + name + ", of which it is another name"}
	}
	*canonical, *other = *other, nil
	return nil
}

func firstOf(errs ...*jsonrpc.ParamError) *jsonrpc.ParamError {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
