package transport

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Keys are the keys of a server in a file that holds their SHA-256 only, one
// JSON object a line. Changes by another process (the command line) are seen
// within a second. Its methods are safe for concurrent use; the nil Keys has
// none.
//
// Once the file has been seen, a key is required for good: a file that is
// emptied or deleted then means that nobody has one.
type Keys struct {
	path string

	mu      sync.Mutex
	require bool
	list    []Key
	stamp   stamp
	checked time.Time
}

// Key is what is known of one key. The key itself is not.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	SHA256  string    `json:"sha256"` // hexadecimal
	// Roles say what it is for. None, as keys of earlier versions have, is user
	// and metrics.
	Roles   []Role          `json:"roles,omitempty"`
	Expires time.Time       `json:"expires,omitzero"` // zero: never
	Limits  sessions.Limits `json:"limits,omitzero"`  // of its own
}

// Role is what a key is for.
type Role string

// The roles.
const (
	RoleAdmin   Role = "admin"   // the sessions of all keys, and the metrics
	RoleUser    Role = "user"    // its own sessions
	RoleMetrics Role = "metrics" // /metrics
)

// ParseRoles reads names separated by commas.
func ParseRoles(text string) (roles []Role, err error) {
	for name := range strings.SplitSeq(text, ",") {
		role := Role(strings.TrimSpace(name))
		if !slices.Contains([]Role{RoleAdmin, RoleUser, RoleMetrics}, role) {
			return nil, fmt.Errorf("%q is not a role: the roles are admin, user and metrics", role)
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// Is reports whether the key has the role, or one that includes it.
func (k *Key) Is(role Role) bool {
	switch {
	case len(k.Roles) == 0:
		return role != RoleAdmin
	case slices.Contains(k.Roles, RoleAdmin):
		return true
	}
	return slices.Contains(k.Roles, role)
}

// Expired reports whether its time is over.
func (k *Key) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// ErrNoSuchKey is what Remove returns for an unknown id.
var ErrNoSuchKey = errors.New("no such key")

// recheck is how often the file is looked at.
const recheck = time.Second

const (
	keyPrefix  = "cb_"
	keySecret  = 32 // bytes
	maxKeyName = 128
	maxKeySize = 512 // bytes of a key that is offered
)

// OpenKeys reads the keys of a file; one that is not there has none.
func OpenKeys(path string) (*Keys, error) {
	k := &Keys{path: path}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k, k.loadLocked()
}

// Add makes a key with that name and nothing else: see Make.
func (k *Keys) Add(name string) (secret string, key Key, err error) { return k.Make(Key{Name: name}) }

// Make makes a key as the one given, whose id, time and digest are set, and
// returns its secret, which is shown this once.
func (k *Keys) Make(key Key) (secret string, made Key, err error) {
	name := key.Name
	if len(name) > maxKeyName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return "", key, fmt.Errorf("the name of a key has at most %d bytes and no control characters", maxKeyName)
	}
	random := make([]byte, keySecret)
	if _, err := rand.Read(random); err != nil {
		return "", key, fmt.Errorf("make a key: %w", err)
	}
	secret = keyPrefix + base64.RawURLEncoding.EncodeToString(random)
	key.ID, key.Created, key.SHA256 = ulid.Make().String(), time.Now().UTC().Truncate(time.Second), digest(secret)
	err = k.change(func(list []Key) ([]Key, error) { return append(list, key), nil })
	return secret, key, err
}

// List returns the keys, oldest first.
func (k *Keys) List() ([]Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.loadLocked()
	return slices.Clone(k.list), err
}

// Remove takes a key away. Its sessions live on until they expire.
// Errors: ErrNoSuchKey.
func (k *Keys) Remove(id string) error {
	return k.change(func(list []Key) ([]Key, error) {
		at := slices.IndexFunc(list, func(key Key) bool { return key.ID == id })
		if at < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNoSuchKey, id)
		}
		return slices.Delete(slices.Clone(list), at, at+1), nil
	})
}

// Require makes a key required even where the file has never been seen.
func (k *Keys) Require() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.require = true
}

// Required reports whether a key is required: the file has been seen, or Require
// was called.
func (k *Keys) Required() bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refreshLocked()
	return k.require
}

// Empty reports whether there is no key.
func (k *Keys) Empty() bool {
	if k == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refreshLocked()
	return len(k.list) == 0
}

// Has reports whether there is a key with that id that has not expired.
func (k *Keys) Has(id string) bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refreshLocked()
	for i := range k.list {
		if key := &k.list[i]; key.ID == id {
			return key.Expires.IsZero() || !key.Expired(time.Now())
		}
	}
	return false
}

// Verify returns the id of a key that has not expired.
func (k *Keys) Verify(secret string) (id string, ok bool) {
	key, ok := k.Find(secret)
	return key.ID, ok
}

// Find returns a key that has not expired, in a time that does not depend on how
// much of it is right.
func (k *Keys) Find(secret string) (found Key, ok bool) {
	if k == nil || secret == "" || len(secret) > maxKeySize {
		return Key{}, false
	}
	offered := []byte(digest(secret))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refreshLocked()
	for i := range k.list {
		if subtle.ConstantTimeCompare(offered, []byte(k.list[i].SHA256)) == 1 {
			found, ok = k.list[i], true
		}
	}
	if !ok || found.Expired(time.Now()) {
		return Key{}, false
	}
	return found, true
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// refreshLocked reads the file again when it has changed. One that cannot be
// read leaves the keys as they are.
func (k *Keys) refreshLocked() {
	now := time.Now()
	if now.Sub(k.checked) < recheck {
		return
	}
	k.checked = now
	if s, err := stampOf(k.path); err == nil && s != k.stamp {
		_ = k.loadLocked()
	}
}

// loadLocked reads the file.
func (k *Keys) loadLocked() error {
	s, err := stampOf(k.path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	list, err := readKeys(k.path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	k.list, k.stamp, k.checked = list, s, time.Now()
	k.require = k.require || s != (stamp{})
	return nil
}

// change edits the file: a new one takes its place whole.
func (k *Keys) change(edit func([]Key) ([]Key, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.loadLocked(); err != nil {
		return err
	}
	list, err := edit(k.list)
	if err != nil {
		return err
	}
	if err := writeKeys(k.path, list); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return k.loadLocked()
}

// stamp tells one state of the file from another.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

func readKeys(path string) ([]Key, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []Key
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var key Key
		if err := json.Unmarshal(lines.Bytes(), &key); err != nil || key.ID == "" || key.ID == actors.Everybody || len(key.SHA256) != 2*sha256.Size {
			return nil, fmt.Errorf("%s: line %d is not a key", filepath.Base(path), n)
		}
		for _, role := range key.Roles { // one of a later version would be taken for less than it is
			if _, err := ParseRoles(string(role)); err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", filepath.Base(path), n, err)
			}
		}
		list = append(list, key)
	}
	return list, lines.Err()
}

func writeKeys(path string, list []Key) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	enc := json.NewEncoder(f)
	for i := range list {
		err = errors.Join(err, enc.Encode(&list[i]))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
