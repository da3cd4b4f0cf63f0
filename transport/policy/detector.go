package policy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxScanned bounds how much of a content patterns look at; digests are of all of
// it.
const maxScanned = 4 << 20

// detector finds something in contents.
type detector struct {
	patterns []*regexp.Regexp
	digests  map[[sha256.Size]byte]bool
}

// finds reports whether it finds something in what is written or executed.
func (d *detector) finds(r *Request) bool {
	if len(d.digests) > 0 && len(r.Content) > 0 && d.digests[sha256.Sum256(r.Content)] {
		return true
	}
	seen := r.Content[:min(len(r.Content), maxScanned)]
	for _, p := range d.patterns {
		if p.Match(seen) {
			return true
		}
		for _, arg := range r.Args {
			if p.MatchString(arg) {
				return true
			}
		}
	}
	return false
}

// parseDetectors reads the detectors of a file.
func parseDetectors(n *yaml.Node, dir string) (map[string]*detector, error) {
	all := map[string]*detector{}
	if n == nil {
		return all, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, wrong(n, "detectors must have their names as members")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if all[name.Value] != nil {
			return nil, wrong(name, "there are two detectors %q", name.Value)
		}
		m, err := members(n.Content[i+1], "patterns", "sha256")
		if err != nil {
			return nil, err
		}
		d := &detector{}
		if v := m["patterns"]; v != nil {
			if v.Kind != yaml.SequenceNode {
				return nil, wrong(v, "patterns must be a list")
			}
			for _, one := range v.Content {
				p, err := regexp.Compile(one.Value)
				if err != nil {
					return nil, wrong(one, "%v", err)
				}
				d.patterns = append(d.patterns, p)
			}
		}
		if v := m["sha256"]; v != nil {
			if err := d.read(v, dir); err != nil {
				return nil, err
			}
		}
		if len(d.patterns) == 0 && d.digests == nil {
			return nil, wrong(name, "the detector %q has neither patterns nor sha256", name.Value)
		}
		all[name.Value] = d
	}
	return all, nil
}

// read reads a file of digests, as sha256sum writes it.
func (d *detector) read(n *yaml.Node, dir string) error {
	path := n.Value
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	all, err := os.ReadFile(path)
	if err != nil {
		return wrong(n, "sha256: %v", err)
	}
	d.digests = map[[sha256.Size]byte]bool{}
	lines := bufio.NewScanner(bytes.NewReader(all))
	for number := 1; lines.Scan(); number++ {
		word, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		var sum [sha256.Size]byte
		decoded, err := hex.DecodeString(word)
		if err != nil || copy(sum[:], decoded) != len(sum) || len(decoded) != len(sum) {
			return wrong(n, "sha256: line %d of %s is not a SHA-256 hash", number, path)
		}
		d.digests[sum] = true
	}
	if err := lines.Err(); err != nil {
		return wrong(n, "sha256: %v", err)
	}
	return nil
}
