package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// lumberjack never ends the goroutine that removes old files.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

func open(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// records are those of a log that is whole.
func records(t testing.TB, path string) (all []Record, s Summary) {
	t.Helper()
	s, err := Read(path, func(r *Record, _ []byte) error { all = append(all, *r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all, s
}

// However often the file gives way, no line is lost, doubled or out of its place,
// and the chain goes on after another start.
func TestRotationLosesNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	const writers, each, starts = 8, 200, 3
	for start := range starts {
		l := open(t, Options{Path: path, MaxBytes: 2000, Sync: start == 1})
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					done := make(chan error, 1)
					l.Add(Record{Event: Executed, Session: fmt.Sprintf("%d-%d-%d", start, w, i)}, func(err error) { done <- err })
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, s := records(t, path)
	if s.Files < 20 || s.First != 1 || s.Last != writers*each*starts || s.OldestForgotten {
		t.Errorf("%+v", s)
	}
	seen := map[string]bool{}
	for _, r := range got {
		seen[r.Session] = true
	}
	if len(seen) != writers*each*starts {
		t.Errorf("%d different records of %d", len(seen), writers*each*starts)
	}
}

func TestAFileGivesWayByAgeToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, Options{Path: path, MaxAge: 50 * time.Millisecond, Sync: true})
	for range 3 {
		done := make(chan error)
		l.Add(Record{Event: File}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Millisecond)
	}
	if _, s := records(t, path); s.Files != 3 || s.Records != 3 {
		t.Errorf("%+v", s)
	}
}

// A record is in the file before its caller hears of it, when Sync is set.
func TestWithSyncARecordIsThereBeforeItsCallerIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, Options{Path: path, Sync: true})
	for i := range 50 {
		done := make(chan error)
		name := fmt.Sprint("s", i)
		l.Add(Record{Event: Created, Session: name}, func(error) {
			text, err := os.ReadFile(path)
			if err == nil && !strings.Contains(string(text), `"session":"`+name+`"`) {
				err = errors.New("the record is not in the file")
			}
			done <- err
		})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhoeverChangesALogIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, Options{Path: path})
	for i := range 5 {
		l.Add(Record{Event: Executed, Program: fmt.Sprint("p", i)}, nil)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	lines[4] += "\n"
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"changed":    {slices.Replace(slices.Clone(lines), 1, 2, strings.Replace(lines[1], "p1", "p9", 1)), ":3: record 3 does not follow"},
		"taken out":  {slices.Delete(slices.Clone(lines), 2, 3), ":3: record 4 does not follow"},
		"put in":     {slices.Insert(slices.Clone(lines), 2, lines[1]), ":3: record 2 does not follow"},
		"swapped":    {[]string{lines[0], lines[2], lines[1], lines[3], lines[4]}, ":2: record 3 does not follow"},
		"no record":  {slices.Replace(slices.Clone(lines), 3, 4, "hello\n"), ":4: the line is not a record"},
		"cut":        {slices.Replace(slices.Clone(lines), 4, 5, lines[4][:20]), ":5: the line is not whole"},
		"begun anew": {[]string{strings.Replace(lines[0], first, strings.Repeat("1", 64), 1)}, ":1: the first record does not begin"},
	} {
		if err := os.WriteFile(path, []byte(strings.Join(c.lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A power cut leaves a line that is not whole: it is cut off and told, and the
// chain goes on.
func TestAHalfLineIsCutOffAndTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, Options{Path: path})
	l.Add(Record{Event: Created}, nil)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"seq":2,"ti`)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	l = open(t, Options{Path: path})
	l.Add(Record{Event: Created}, nil)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := records(t, path)
	if len(got) != 3 || got[1].Event != Repaired || got[1].Bytes != 12 {
		t.Errorf("%+v", got)
	}
}

// A log that cannot be written says so, counts, and goes on when it can.
func TestALogThatCannotBeWrittenCountsAndGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	path := filepath.Join(dir, "audit.jsonl")
	l := open(t, Options{Path: path, Sync: true})
	add := func() error {
		done := make(chan error)
		l.Add(Record{Event: Created}, func(err error) { done <- err })
		return <-done
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	for range 3 {
		if err := add(); !errors.Is(err, ErrUnwritable) {
			t.Fatalf("written into nowhere: %v", err)
		}
	}
	if !errors.Is(l.Err(), ErrUnwritable) || l.Lost() != 3 {
		t.Errorf("%v, %d lost", l.Err(), l.Lost())
	}
	if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); l.Err() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not notice that it can be written again")
		}
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	got, s := records(t, path)
	if s.Lost != 3 || len(got) != 3 || got[1].Event != Lost || got[1].Count != 3 {
		t.Errorf("%+v %+v", s, got)
	}
}

func TestWhatComesTooOftenIsCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, Options{Path: path})
	for range 1000 {
		l.AddOften("key 1", Record{Event: Refused, Limit: "calls"})
	}
	l.AddOften("key 2", Record{Event: Refused, Limit: "calls"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := records(t, path)
	total := int64(0)
	for _, r := range got {
		total += max(r.Count, 1)
	}
	if total != 1001 || len(got) > 10 {
		t.Errorf("%d lines for %d", len(got), total)
	}
}
