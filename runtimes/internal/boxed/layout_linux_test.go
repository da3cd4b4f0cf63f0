package boxed

import (
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/box"
)

func TestAProgramIsLinkedWhereItIsVisibleAndShownWhereItIsNot(t *testing.T) {
	kit := &Kit{
		Binds: []box.Bind{{Source: "/root/py/bin", Target: "/root/py/bin"}},
		Programs: []Program{
			{"node", "/usr/bin/node"}, {"python3", "/root/py/bin/python3.11"}, {"bun", "/srv/cache/bun"},
		},
	}
	cfg := layout(kit, nil, box.Base{}, user{7, 8}, directories{workspace: "/data/w"}, &runtimes.Spec{})
	for _, link := range []box.Link{
		{Target: "/opt/codebeaker/bin/node", To: "/usr/bin/node"},
		{Target: "/opt/codebeaker/bin/python3", To: "/root/py/bin/python3.11"},
	} {
		if !slices.Contains(cfg.Links, link) {
			t.Errorf("no link %v in %v", link, cfg.Links)
		}
	}
	if bind := (box.Bind{Source: "/srv/cache/bun", Target: "/opt/codebeaker/bin/bun"}); !slices.Contains(cfg.Binds, bind) {
		t.Errorf("no bind %v in %v", bind, cfg.Binds)
	}
	if cfg.Workspace != "/data/w" || cfg.UID != 7 || cfg.GID != 8 {
		t.Errorf("got %+v", cfg)
	}
}

func TestEachPlaceInMemoryMayTakeHalfOfIt(t *testing.T) {
	for _, memory := range []int64{0, 64 << 20, 512 << 20, 64 << 30} {
		half := memory / 2
		if memory == 0 {
			half = unknownMemory / 2
		}
		places := scratch(directories{workspace: "/w"}, memory)
		if len(places) != 3 {
			t.Errorf("memory %d: %+v", memory, places)
		}
		for _, s := range places {
			if s.Source != "" || s.Bytes != half || s.Inodes < leastScratchInodes {
				t.Errorf("memory %d: %+v", memory, s)
			}
		}
	}
}

func TestPlacesOnDiskAreTheSessionsDirectories(t *testing.T) {
	places := map[string]string{}
	for _, s := range scratch(directories{workspace: "/w", home: "/h", temporary: "/t"}, 64<<20) {
		places[s.Target] = s.Source
	}
	if places[Home] != "/h" || places[temporary] != "/t" || places[sharedMemory] != "" {
		t.Errorf("got %v", places)
	}
}

func TestALayoutLeavesThoseOfOtherBoxesAlone(t *testing.T) {
	base := box.Base{Links: make([]box.Link, 1, 10), Binds: make([]box.Bind, 1, 10)}
	kit := &Kit{Binds: make([]box.Bind, 1, 10), Programs: []Program{{"a", "/x/a"}, {"b", "/usr/bin/b"}}}
	first := layout(kit, nil, base, user{1, 1}, directories{workspace: "/one"}, &runtimes.Spec{})
	second := layout(kit, nil, base, user{2, 2}, directories{workspace: "/two"}, &runtimes.Spec{})
	first.Links[len(first.Links)-1].To, first.Binds[len(first.Binds)-1].Source = "changed", "changed"
	for _, link := range second.Links {
		if strings.Contains(link.To, "changed") {
			t.Error("two layouts share links")
		}
	}
	for _, bind := range second.Binds {
		if strings.Contains(bind.Source, "changed") {
			t.Error("two layouts share binds")
		}
	}
}
