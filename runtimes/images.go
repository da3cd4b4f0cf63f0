package runtimes

import (
	"fmt"
	"path"
	"strings"

	imageref "github.com/distribution/reference"
)

// Images are the images that a session may name, by patterns of an operator.
// The zero value allows none. It is the one rule for them: who admits a create
// asks it, and the runtime that looks the image up asks it again.
//
// A pattern is written as a reference is and means what it means to Docker:
// "python" is docker.io/library/python:latest. In the name, and in the tag or
// digest, it may hold what path.Match knows; a "*" does not reach over a "/".
// Without a tag a pattern with such a character allows every tag and digest,
// any other pattern the tag "latest". A tag allows no digest: what a digest
// names need not be what the tag stands for.
type Images struct{ patterns []imagePattern }

type imagePattern struct {
	name    string // with the registry
	version string // ":tag", "@digest"; "" is every one
}

// ParseImages makes the rule of patterns.
// Errors: a pattern that matches nothing, whatever is asked.
func ParseImages(patterns ...string) (Images, error) {
	var all Images
	for _, text := range patterns {
		p, err := parseImagePattern(text)
		if err != nil {
			return Images{}, fmt.Errorf("%q is not a valid pattern of images: %w", text, err)
		}
		all.patterns = append(all.patterns, p)
	}
	return all, nil
}

func parseImagePattern(text string) (imagePattern, error) {
	if !strings.ContainsAny(text, `*?[\`) {
		image, err := imageref.ParseDockerRef(text)
		if err != nil {
			return imagePattern{}, err
		}
		name, version := splitImage(image.String())
		return imagePattern{name, version}, nil
	}
	name, version := splitImage(text)
	p := imagePattern{qualified(name), version}
	for _, part := range []string{p.name, p.version} {
		if _, err := path.Match(part, ""); err != nil {
			return imagePattern{}, err
		}
	}
	if name == "" || version == ":" || version == "@" {
		return imagePattern{}, imageref.ErrReferenceInvalidFormat
	}
	return p, nil
}

// splitImage parts a reference, or a pattern of them, before its tag or digest.
func splitImage(image string) (name, version string) {
	if at := strings.IndexByte(image, '@'); at >= 0 {
		return image[:at], image[at:]
	}
	slash := strings.LastIndexByte(image, '/')
	if colon := strings.IndexByte(image[slash+1:], ':'); colon >= 0 {
		return image[:slash+1+colon], image[slash+1+colon:]
	}
	return image, ""
}

// qualified completes the name in a pattern as Docker does that of an image:
// what comes before the first "/" is a registry if it looks like one.
func qualified(name string) string {
	const hub, official = "docker.io/", "library/"
	first, rest, ok := strings.Cut(name, "/")
	switch {
	case !ok:
		return hub + official + name
	case first == "docker.io" || first == "index.docker.io":
		name = rest
	case first == "localhost" || first == "*" || strings.ContainsAny(first, ".:"):
		return name
	}
	if !strings.Contains(name, "/") {
		name = official + name
	}
	return hub + name
}

// Allowed returns the full reference of an image, if a session may name it:
// with registry, and tag or digest. By that it is looked up, since a short
// name may be the beginning of another image's id as well.
func (i Images) Allowed(image string) (full string, ok bool) {
	parsed, err := imageref.ParseDockerRef(image)
	if err != nil {
		return "", false
	}
	full = parsed.String()
	name, version := splitImage(full)
	for _, p := range i.patterns {
		if p.allows(name, version) {
			return full, true
		}
	}
	return "", false
}

func (p imagePattern) allows(name, version string) bool {
	if ok, _ := path.Match(p.name, name); !ok { // a bad pattern was refused before
		return false
	}
	if p.version == "" {
		return true
	}
	ok, _ := path.Match(p.version, version)
	return ok
}
