// Package leftover does again what failed when something was to be removed: with
// no descriptors left, or a disk in trouble, it could not be done, and later it
// can.
package leftover

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// The waits between attempts: twice the last one, up to the longest.
const (
	firstWait   = time.Second
	longestWait = time.Minute
)

// Keeper keeps what could not be removed and tries again until it can. The zero
// value is ready. Its methods are safe for use by several goroutines.
type Keeper struct {
	mu     sync.Mutex
	last   int
	items  map[int]*item
	closed bool
	busy   sync.WaitGroup // attempts under way
}

type item struct {
	what   string
	remove func() error
	log    *slog.Logger
	wait   time.Duration
	timer  *time.Timer
}

// Keep tries again, in the background, to remove what could not be. remove may be
// called at any time until it returns nil, by one goroutine at a time. A logger may
// be nil. After Close nothing is kept.
func (k *Keeper) Keep(log *slog.Logger, what string, remove func() error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	if k.items == nil {
		k.items = make(map[int]*item)
	}
	k.last++
	id, i := k.last, &item{what: what, remove: remove, log: log, wait: firstWait}
	k.items[id] = i
	i.timer = time.AfterFunc(i.wait, func() { k.again(id) })
}

// again makes an attempt.
func (k *Keeper) again(id int) {
	k.mu.Lock()
	i := k.items[id]
	if i == nil || k.closed {
		k.mu.Unlock()
		return
	}
	k.busy.Add(1)
	k.mu.Unlock()
	err := i.remove()
	k.busy.Done()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		delete(k.items, id)
		i.log.Info("removed what could not be removed before", "what", i.what)
	case !k.closed:
		i.wait = min(2*i.wait, longestWait)
		i.timer = time.AfterFunc(i.wait, func() { k.again(id) })
		i.log.Warn("something cannot be removed; trying again", "what", i.what, "wait", i.wait.String(), "error", err)
	}
}

// Kept is how many things wait to be removed.
func (k *Keeper) Kept() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.items)
}

// Close tries each once more and says what is left. It ends all attempts.
func (k *Keeper) Close() error {
	k.mu.Lock()
	k.closed = true
	for _, i := range k.items {
		i.timer.Stop()
	}
	k.mu.Unlock()
	k.busy.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(k.items)) {
		if err := k.items[id].remove(); err != nil {
			errs = append(errs, fmt.Errorf("%s is left: %w", k.items[id].what, err))
		}
	}
	k.items = nil
	return errors.Join(errs...)
}
