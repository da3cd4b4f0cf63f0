package main

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// publicWords are the public addresses and hosts that tests may name, by file,
// and why that sends nothing to them.
var publicWords = map[string]struct {
	words []string
	why   string
}{
	"runtimes/internal/egress/policy_test.go": {
		[]string{"1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "198.17.0.1",
			"9.9.9.10", "9.9.9.77", "9.9.8.1", "9.9.9.0", "9.9.9.9", "168.63.129.16", "2606:4700::1111"},
		"the policy is asked about them as values; nothing dials",
	},
	"transport/protocol/openrpc_test.go": {[]string{"meta.json-schema.tools"}, "the id of a schema that is in testdata"},
	"transport/rpc/origin_test.go":       {[]string{"app.example.evil"}, "the text of a header"},
	"runtimes/docker/probe_test.go":      {[]string{"6.8.0.105"}, "the version of Mono"},
}

// special are the networks that nobody on the internet has: those of
// documentation (RFC 5737, RFC 3849) and those of RFC 6890.
var special = func() (all []netip.Prefix) {
	for _, p := range []string{
		"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32",
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.88.99.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3", "::/3", "fc00::/6", "fe80::/9", "ff00::/8", "2001::/23", "2002::/16",
	} {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}()

var (
	addressPattern = regexp.MustCompile(`(?:\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b)|(?i:\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7})`)
	hostPattern    = regexp.MustCompile(`\b(?:https?|wss?|git|ssh|ftp)://(?:[^/@\s"'` + "`" + `]*@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)`)
	dialedPattern  = regexp.MustCompile(`\b(?:dial|Dial|connect|create_connection|getaddrinfo|lookup|LookupHost)\w*\(.{0,40}?["']([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})\b`)
)

// reserved are the ends of names that nobody on the internet has (RFC 6761).
var reserved = []string{".example", ".invalid", ".test", ".localhost"}

// public are the words of a text that are a public address, or a host that may be.
func public(text string) (found []string) {
	for _, word := range addressPattern.FindAllString(text, -1) {
		a, err := netip.ParseAddr(word)
		if err == nil && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) }) {
			found = append(found, word)
		}
	}
	for _, pattern := range []*regexp.Regexp{hostPattern, dialedPattern} {
		for _, match := range pattern.FindAllStringSubmatch(text, -1) {
			host := match[1]
			_, err := netip.ParseAddr(host)
			if err != nil && !slices.ContainsFunc(reserved, func(end string) bool { return strings.HasSuffix(host, end) }) {
				found = append(found, host)
			}
		}
	}
	return found
}

// Not even into a namespace without a network: a mistake in that would send it.
// Tests use the addresses of documentation and hosts in namespaces that they made.
func TestNoTestNamesAPublicAddress(t *testing.T) {
	for text, want := range map[string]int{
		"8.8.8.8": 1, "192.0.2.7 203.0.113.255 127.0.0.1 10.1.2.3 2001:db8::1 ::1 fe80::1 1.2.3": 0, "2606:4700:4700::1111": 1,
		"https://service.example/x http://127.0.0.1:1/ ws://host:80/": 0, "https://service.example.com/": 1, `connect(("dns.google", 53))`: 1,
	} {
		if got := public(text); len(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	const root = "../.."
	used := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() {
			if name == ".cache" || name == ".git" || name == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !ofTests(filepath.ToSlash(name)) || !entry.Type().IsRegular() || name == filepath.Join("cmd", "codebeaker", "addresses_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, word := range public(string(text)) {
			if slices.Contains(publicWords[filepath.ToSlash(name)].words, word) {
				used[filepath.ToSlash(name)+" "+word] = true
				continue
			}
			t.Errorf("%s names %s: use 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32 or a name that ends in one of %q", name, word, reserved)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, allowed := range publicWords {
		for _, word := range allowed.words {
			if !used[name+" "+word] {
				t.Errorf("%s does not name %s any more: the list of what tests may name is too long", name, word)
			}
		}
	}
}

// ofTests reports whether a file is part of the tests: their code, that of the
// packages made for them, their data.
func ofTests(name string) bool {
	dir := filepath.ToSlash(filepath.Dir(name))
	switch filepath.Ext(name) {
	case ".go", ".py", ".js", ".ts", ".txtar", ".sh", ".txt":
	default:
		return false // schemas and reports, which are data about data
	}
	return strings.HasSuffix(name, "_test.go") || strings.Contains("/"+dir+"/", "/testdata/") || strings.HasSuffix(dir, "test")
}
