package docker

import (
	"archive/tar"
	"io"
)

// tarEntry is a directory or, with content, a regular file of an archive.
type tarEntry struct {
	name     string
	mode     int64
	uid, gid int
	content  []byte // nil: a directory
}

// writeTar writes an uncompressed archive.
func writeTar(w io.Writer, entries []tarEntry) error {
	archive := tar.NewWriter(w)
	for _, entry := range entries {
		header := &tar.Header{Name: entry.name, Mode: entry.mode, Uid: entry.uid, Gid: entry.gid, Format: tar.FormatGNU}
		if entry.content == nil {
			header.Typeflag = tar.TypeDir
		} else {
			header.Typeflag = tar.TypeReg
			header.Size = int64(len(entry.content))
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(entry.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
