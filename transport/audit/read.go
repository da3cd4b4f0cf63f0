package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files are the files of a log, oldest first.
func Files(path string) ([]string, error) {
	suffix := filepath.Ext(path)
	old, err := filepath.Glob(escape(strings.TrimSuffix(path, suffix)) + "-[0-9]*" + escape(suffix))
	if err != nil {
		return nil, err
	}
	slices.Sort(old) // their names are times
	if _, err := os.Stat(path); err == nil {
		old = append(old, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return old, nil
}

// escape keeps what a pattern would take for its own.
func escape(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// Summary is what a log holds.
type Summary struct {
	Files, Records  int
	First, Last     int64  // numbers of records
	Head            string // digest of the last line: keep it elsewhere, and a log whose end was cut off shows
	Lost            int64  // records that could not be written
	OldestForgotten bool   // the log began before its oldest file
}

// Read calls each with the records of a log, oldest first, and its line. It
// stops where the chain is broken.
// Errors: one that names the file and the line; what each returned.
func Read(path string, each func(r *Record, line []byte) error) (Summary, error) {
	var s Summary
	files, err := Files(path)
	if err != nil {
		return s, err
	}
	if len(files) == 0 {
		return s, fmt.Errorf("there is no audit log at %s", path)
	}
	s.Files = len(files)
	for _, file := range files {
		if err := s.read(file, each); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *Summary) read(file string, each func(*Record, []byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %s", file, number, fmt.Sprintf(format, args...))
		}
		if err != nil {
			return wrong("the line is not whole")
		}
		line = line[:len(line)-1]
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return wrong("the line is not a record: %v", err)
		}
		switch {
		case s.Records == 0:
			s.First, s.OldestForgotten = r.Seq, r.Seq != 1
			if r.Seq == 1 && r.Prev != first {
				return wrong("the first record does not begin a chain")
			}
		case r.Prev != s.Head:
			return wrong("record %d does not follow the line before it: that was changed, or lines are missing or were put in", r.Seq)
		case r.Seq != s.Last+1:
			return wrong("record %d follows record %d", r.Seq, s.Last)
		}
		s.Records++
		s.Last, s.Head = r.Seq, digest(line)
		if r.Event == Lost {
			s.Lost += r.Count
		}
		if each != nil {
			if err := each(&r, line); err != nil {
				return err
			}
		}
	}
}
