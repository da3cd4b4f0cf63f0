package runtimes

import (
	"strings"
	"testing"
)

const digest = "@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa"

func TestAPatternAllowsTheImagesThatItMeansToDocker(t *testing.T) {
	for _, c := range []struct{ pattern, allowed, refused string }{
		{"python", "python python:latest docker.io/python docker.io/library/python:latest index.docker.io/library/python",
			"python:3.12 pythons team/python registry.example/python python:latest" + digest},
		{"python:3.12", "python:3.12 library/python:3.12 docker.io/library/python:3.12", "python python:3.1 python:3.123 python:3.12" + digest},
		{"docker.io/library/python:*", "python python:3.12 library/python:3.12-slim", "pythons:1 team/python:3.12 registry.example/library/python:1 python" + digest},
		{"python:3.*", "python:3.12", "python:2.7 python"},
		{"registry.example/team/*", "registry.example/team/app registry.example/team/app:1 registry.example/team/app" + digest,
			"registry.example/team/app/deep registry.example/app team/app docker.io/team/app registry.example:443/team/app"},
		{"registry.example/*/app:1", "registry.example/team/app:1", "registry.example/team/app registry.example/app:1"},
		{"localhost:5000/*", "localhost:5000/app:2", "localhost/app localhost:5001/app"},
		{"team/*", "team/app docker.io/team/app:2", "app registry.example/team/app teams/app"},
		{"pyth?n", "python python:3.12", "pythoon team/python"},
		{"py[st]hon:*", "python:1 pyshon:1", "pyxhon:1"},
		{"*", "python python:3.12 library/go", "team/app registry.example/app"},
		{"*/*", "registry.example/app", "python team/app registry.example/team/app"},
		{"*/*/*", "python team/app:1 registry.example/team/app" + digest, "registry.example/app"},
		{"python" + digest, "python" + digest + " python:3.12" + digest, "python python:3.12"},
		{"python@sha256:*", "python" + digest, "python"},
	} {
		images, err := ParseImages("unused:1", c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range strings.Fields(c.allowed) {
			if full, ok := images.Allowed(image); !ok || !strings.Contains(full, "/") || !strings.ContainsAny(full, ":@") {
				t.Errorf("%s refuses %s (%q)", c.pattern, image, full)
			}
		}
		for _, image := range strings.Fields(c.refused) {
			if _, ok := images.Allowed(image); ok {
				t.Errorf("%s allows %s", c.pattern, image)
			}
		}
	}
}

func TestAnAllowedImageComesWithItsFullReference(t *testing.T) {
	images, err := ParseImages("*/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{
		"deadbeef":          "docker.io/library/deadbeef:latest", // not the image whose id begins so
		"team/app:1":        "docker.io/team/app:1",
		"r.example/a/b":     "r.example/a/b:latest",
		"python:1" + digest: "docker.io/library/python" + digest,
	} {
		if full, ok := images.Allowed(image); !ok || full != want {
			t.Errorf("%s is %q, not %q", image, full, want)
		}
	}
}

func TestWhatIsNoImageIsNeverAllowed(t *testing.T) {
	images, err := ParseImages("*", "*/*", "*/*/*", "*@*")
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{
		"", " ", "*", "python:*", "Python", "a//b", "../x", "a b", "python:", "python@", "python@sha256:1", "-x", "a\x00b",
		strings.Repeat("a", 64), "https://registry.example/a/b",
	} {
		if full, ok := images.Allowed(image); ok {
			t.Errorf("%q is allowed, as %q", image, full)
		}
	}
	if _, ok := (Images{}).Allowed("python"); ok {
		t.Error("no pattern allows an image")
	}
}

func TestAPatternThatMatchesNothingIsRefused(t *testing.T) {
	for _, pattern := range []string{"", " ", "a b", "Python", "python:", "*:", "*@", "py[thon", "py[t:1", "https://registry.example/a"} {
		if _, err := ParseImages(pattern); err == nil {
			t.Errorf("%q is taken", pattern)
		}
	}
}
