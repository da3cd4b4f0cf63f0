package imagebuild

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// State is what is known of one image.
type State string

// The states, in the order in which an image passes them.
const (
	Waiting  State = "waiting"
	Building State = "building"
	Built    State = "built"
	Failed   State = "failed"
)

// Image is one image that is, was or will be built.
type Image struct {
	// Name is that of the image: codebeaker-python:latest.
	Name  string    `json:"name"`
	State State     `json:"state"`
	Since time.Time `json:"since"`
	// Why it failed, in few words and without paths.
	Why string `json:"why,omitempty"`
}

// Progress is how far the building of images is.
type Progress struct {
	PID    int     `json:"pid"`
	Images []Image `json:"images"`
	// Active: it goes on. Otherwise nothing is waiting or building, whatever
	// the states say.
	Active bool `json:"-"`
	// Expected: the server of this process builds what is missing, and has not
	// come to the end of it.
	Expected bool `json:"-"`
}

// Of returns what is known of an image, and its number, counted from 1.
func (p *Progress) Of(name string) (image Image, number int) {
	for i, image := range p.Images {
		if image.Name == name {
			return image, i + 1
		}
	}
	return Image{}, 0
}

// String says what is being built: "building image 2 of 4: codebeaker-nodejs:latest";
// "" is nothing.
func (p *Progress) String() string {
	if !p.Active {
		return ""
	}
	for i := range p.Images {
		if p.Images[i].State == Building {
			return fmt.Sprintf("building image %d of %d: %s", i+1, len(p.Images), p.Images[i].Name)
		}
	}
	return ""
}

// Equal reports whether nothing has changed between both.
func (p *Progress) Equal(other *Progress) bool {
	if p.Active != other.Active || p.Expected != other.Expected || len(p.Images) != len(other.Images) {
		return false
	}
	for i := range p.Images {
		if p.Images[i].Name != other.Images[i].Name || p.Images[i].State != other.Images[i].State {
			return false
		}
	}
	return true
}

// Dir is where the progress for an engine is kept: below the user's directory of
// caches or, without one, in fallback.
func Dir(engine, fallback string) string {
	sum := sha256.Sum256([]byte(cmp.Or(engine, os.Getenv("DOCKER_HOST"))))
	name := "images-" + hex.EncodeToString(sum[:4])
	cache, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(fallback, name)
	}
	return filepath.Join(cache, "codebeaker", name)
}

const (
	progressFile = "progress.json"
	lockFile     = "lock"
)

// Read returns the progress that is kept in dir; none is there when nothing was
// ever built.
func Read(dir string) Progress {
	var p Progress
	text, err := os.ReadFile(filepath.Join(dir, progressFile))
	if err != nil || json.Unmarshal(text, &p) != nil {
		return Progress{}
	}
	p.Active = active(filepath.Join(dir, lockFile), p.PID)
	return p
}

// save replaces the progress in dir as a whole.
func (p *Progress) save(dir string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(dir, progressFile)
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(text)
	if err = cmp.Or(err, draft.Chmod(0o644), draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), filepath.Join(dir, progressFile))
}
