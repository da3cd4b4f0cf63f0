package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// Options of a Log. Path is required; other zero values have defaults.
type Options struct {
	Path string
	// MaxBytes and MaxAge are when the file gives way to the next one. Zeros mean
	// 100 MiB and a day.
	MaxBytes int64
	MaxAge   time.Duration
	// Keep is how long files are kept that gave way, to a day. Zero keeps all.
	Keep time.Duration
	// Sync has every record on disk before Add calls done.
	Sync   bool
	Logger *slog.Logger // nil discards
}

// Defaults of Options, and of how long the server keeps files that gave way.
const (
	DefaultMaxBytes = 100 << 20
	DefaultMaxAge   = 24 * time.Hour
	DefaultKeep     = 90 * 24 * time.Hour
)

const (
	// maxQueue bounds the records that wait for the disk.
	maxQueue = 1 << 16
	// retry is how often a log that could not be written is tried again without
	// a record to write.
	retry = time.Second
)

// ErrUnwritable is why a record is not in the log.
var ErrUnwritable = errors.New("the audit log cannot be written")

// Log is an audit log. Its methods are safe for concurrent use; those of the nil
// Log keep nothing.
type Log struct {
	options Options
	file    *lumberjack.Logger // of no size of its own: see rotate
	handle  *os.File           // the same file, for what lumberjack does not offer
	size    int64
	began   time.Time // of the first line of the file
	rotated time.Time
	seq     int64
	prev    string
	dirty   bool  // the file has more than size
	untold  int64 // records lost, of which no line tells yet

	broken atomic.Pointer[error]
	lost   atomic.Int64
	reopen atomic.Bool

	mu       sync.Mutex
	queue    []entry
	closed   bool
	wake     chan struct{} // of capacity 1
	done     chan struct{}
	throttle map[string]*throttle
}

// entry is a record on its way, and who waits for it.
type entry struct {
	record Record
	done   func(error)
}

// throttle is what there was too much of to tell each.
type throttle struct {
	until time.Time
	held  Record // Count of them; zero: none
}

// Open opens a log, or makes it, and goes on with its chain. A line at its end
// that is not whole is cut off, which the next line tells.
func Open(o Options) (*Log, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{options: o, wake: make(chan struct{}, 1), done: make(chan struct{}), throttle: map[string]*throttle{}}
	l.file = &lumberjack.Logger{Filename: o.Path, MaxSize: 1 << 30, MaxAge: int((o.Keep + 24*time.Hour - 1) / (24 * time.Hour))}
	cut, err := l.resume()
	if err == nil {
		err = l.open()
	}
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	go l.run()
	if cut > 0 {
		l.Add(Record{Event: Repaired, Bytes: cut, Reason: "the last line was not whole"}, nil)
	}
	return l, nil
}

// resume finds where the chain goes on.
func (l *Log) resume() (cut int64, err error) {
	l.prev, l.began = first, time.Now()
	files, err := Files(l.options.Path)
	if err != nil {
		return 0, err
	}
	for i := len(files) - 1; i >= 0; i-- {
		var lines []byte
		if lines, err = os.ReadFile(files[i]); err != nil {
			return 0, err
		}
		current := files[i] == l.options.Path
		whole := lines[:bytes.LastIndexByte(lines, '\n')+1]
		if current && len(whole) < len(lines) {
			cut = int64(len(lines) - len(whole))
			if err := os.Truncate(l.options.Path, int64(len(whole))); err != nil {
				return 0, err
			}
		}
		if len(whole) == 0 {
			continue
		}
		last := bytes.TrimSuffix(whole[bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1:], []byte("\n"))
		var r Record
		if err := json.Unmarshal(last, &r); err != nil {
			return 0, fmt.Errorf("the last line of %s is not a record: %w", filepath.Base(files[i]), err)
		}
		l.seq, l.prev = r.Seq, digest(last)
		if current {
			var begin Record
			if json.Unmarshal(whole[:bytes.IndexByte(whole, '\n')], &begin) == nil {
				l.began = begin.Time
			}
		}
		return cut, nil
	}
	return cut, nil
}

// open opens the file, or makes it.
func (l *Log) open() error {
	l.shut()
	if err := os.MkdirAll(filepath.Dir(l.options.Path), 0o750); err != nil {
		return err
	}
	if _, err := l.file.Write(nil); err != nil { // opens it
		return err
	}
	f, err := os.OpenFile(l.options.Path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if l.dirty && info.Size() > l.size { // what could not be taken back
		if err := f.Truncate(l.size); err != nil {
			return errors.Join(err, f.Close())
		}
	} else {
		l.size = info.Size()
	}
	l.handle, l.dirty = f, false
	return syncDir(filepath.Dir(l.options.Path))
}

func (l *Log) shut() {
	_ = l.file.Close()
	if l.handle != nil {
		_ = l.handle.Close()
		l.handle = nil
	}
}

// syncDir makes the name of a new file last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// Syncs reports whether replies wait for the disk.
func (l *Log) Syncs() bool { return l != nil && l.options.Sync }

// Err says why the last records could not be written; nil when they could.
func (l *Log) Err() error {
	if l == nil {
		return nil
	}
	if err := l.broken.Load(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnwritable, *err)
	}
	return nil
}

// Lost is how many records could not be written.
func (l *Log) Lost() int64 {
	if l == nil {
		return 0
	}
	return l.lost.Load()
}

// Reopen closes the file and opens that of its name, for who has moved it away.
func (l *Log) Reopen() {
	if l != nil {
		l.reopen.Store(true)
		l.kick()
	}
}

// Add adds a record, whose time, number and digest are set. It does not block.
// done, unless it is nil, is called when the record is on disk, or at once by a
// log that does not Sync; its error is ErrUnwritable.
func (l *Log) Add(r Record, done func(error)) {
	if l == nil {
		if done != nil {
			done(nil)
		}
		return
	}
	r.Time = time.Now().UTC()
	waits := done
	if !l.options.Sync {
		waits = nil
	}
	l.mu.Lock()
	full := l.closed || len(l.queue) >= maxQueue
	if !full {
		l.queue = append(l.queue, entry{r, waits})
	}
	l.mu.Unlock()
	switch {
	case full:
		l.lost.Add(1)
		if waits != nil {
			waits(ErrUnwritable)
		}
	default:
		l.kick()
	}
	if waits == nil && done != nil {
		done(nil)
	}
}

// AddOften adds a record of which there may be very many: at most one a second of
// those that have the same who and event, which says for how many it stands.
func (l *Log) AddOften(who string, r Record) {
	if l == nil {
		return
	}
	now := time.Now()
	l.mu.Lock()
	if len(l.throttle) > 10_000 {
		l.releaseLocked(now)
	}
	name := r.Event + " " + r.Limit + " " + who
	t := l.throttle[name]
	if t == nil {
		t = &throttle{}
		l.throttle[name] = t
	}
	n := t.held.Count
	if now.Before(t.until) {
		t.held = r
		t.held.Count = n + 1
		l.mu.Unlock()
		return
	}
	t.until, t.held = now.Add(time.Second), Record{}
	l.mu.Unlock()
	if n > 0 {
		r.Count = n + 1
	}
	l.Add(r, nil)
}

// releaseLocked queues what AddOften held back and is due. mu is held.
func (l *Log) releaseLocked(now time.Time) {
	for name, t := range l.throttle {
		if !l.closed && now.Before(t.until) {
			continue
		}
		if t.held.Count > 0 {
			t.held.Time = now.UTC()
			l.queue = append(l.queue, entry{t.held, nil})
		}
		delete(l.throttle, name)
	}
}

func (l *Log) kick() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close writes what waits and closes the file.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.releaseLocked(time.Now())
	l.mu.Unlock()
	l.kick()
	<-l.done
	return l.Err()
}

// run writes until the log is closed.
func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for {
		select {
		case <-l.wake:
		case now := <-tick.C:
			l.mu.Lock()
			l.releaseLocked(now)
			l.mu.Unlock()
		}
		if l.reopen.Swap(false) {
			l.shut()
		}
		l.mu.Lock()
		batch, closed := l.queue, l.closed
		l.queue = nil
		l.mu.Unlock()
		l.write(batch)
		if closed {
			l.shut()
			return
		}
	}
}

// write writes records and tells who waits for them.
func (l *Log) write(batch []entry) {
	broken := l.broken.Load() != nil
	if len(batch) == 0 && !broken {
		return
	}
	err := l.put(batch)
	switch {
	case err != nil:
		l.lost.Add(int64(len(batch)))
		l.untold += int64(len(batch))
		if l.broken.Swap(&err) == nil {
			l.options.Logger.Error("the audit log cannot be written", "file", l.options.Path, "error", err)
		}
		err = fmt.Errorf("%w: %w", ErrUnwritable, err)
	case broken:
		l.broken.Store(nil)
		l.options.Logger.Warn("the audit log is written again", "file", l.options.Path, "lost", l.lost.Load())
	}
	for _, e := range batch {
		if e.done != nil {
			e.done(err)
		}
	}
}

// put has records in the file, and on disk where that is wanted. After an error
// nothing of them is there.
func (l *Log) put(batch []entry) error {
	if l.handle == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if err := l.rotate(); err != nil {
		return err
	}
	var lines []byte
	seq, prev := l.seq, l.prev
	add := func(r Record) error {
		seq++
		r.Seq, r.Prev = seq, prev
		line, err := json.Marshal(&r)
		if err != nil {
			return err
		}
		prev = digest(line)
		lines = append(append(lines, line...), '\n')
		return nil
	}
	if l.untold > 0 {
		if err := add(Record{Time: time.Now().UTC(), Event: Lost, Count: l.untold}); err != nil {
			return err
		}
	}
	for i := range batch {
		if err := add(batch[i].record); err != nil {
			return err
		}
	}
	if len(lines) == 0 {
		return l.handle.Sync() // whether it can be written is not seen before
	}
	_, err := l.file.Write(lines)
	if err == nil && l.options.Sync {
		err = l.handle.Sync()
	}
	if err != nil {
		// What is there in part goes; lumberjack does not append to a file that
		// it made.
		back := l.handle.Truncate(l.size)
		l.dirty, err = back != nil, errors.Join(err, back)
		l.shut()
		return err
	}
	l.size += int64(len(lines))
	l.seq, l.prev, l.untold = seq, prev, 0
	return nil
}

// rotate begins another file when this one is large or old enough. lumberjack
// names it by the millisecond, and would write over another of that name.
func (l *Log) rotate() error {
	now := time.Now()
	if l.size == 0 {
		l.began = now
		return nil
	}
	if l.size < l.options.MaxBytes && now.Sub(l.began) < l.options.MaxAge {
		return nil
	}
	if err := l.handle.Sync(); err != nil {
		return err
	}
	if quiet := 2*time.Millisecond - now.Sub(l.rotated); quiet > 0 {
		time.Sleep(quiet)
	}
	if err := l.file.Rotate(); err != nil {
		l.shut()
		return err
	}
	l.rotated = time.Now()
	l.began = l.rotated
	return l.open()
}
