package runtimes

import (
	"testing"
	"time"
)

func candidate(t Type, startup time.Duration, memoryMB int64, score int) Candidate {
	return Candidate{t, Figures{startup * time.Millisecond, memoryMB << 20}, score, 0}
}

// declared are the candidates of JavaScript with the protocol's figures and
// the scores of a host on which everything works.
func declared() []Candidate {
	var all []Candidate
	for t, score := range map[Type]int{Bun: 8, Deno: 8, Native: 8, Docker: 9} {
		all = append(all, Candidate{t, DeclaredFigures(t), score, 0})
	}
	return all
}

func TestSelectionByTheFormulas(t *testing.T) {
	cases := []struct {
		name       string
		candidates []Candidate
		preference Preference
		want       Type
	}{
		{"speed takes the least startup", declared(), Speed, Bun},
		{"security takes the highest score", declared(), Security, Docker},
		{"memory takes the least", declared(), Memory, Native},
		{"balanced weighs all three", declared(), Balanced, Bun},
		{"less than ten percent apart is a tie for the first in order",
			[]Candidate{candidate(Native, 91, 20, 8), candidate(Deno, 100, 20, 8)}, Speed, Deno},
		{"ten percent apart is none",
			[]Candidate{candidate(Native, 90, 20, 8), candidate(Deno, 100, 20, 8)}, Speed, Native},
		{"a tie with the best counts, not one with a runner-up",
			[]Candidate{candidate(Docker, 80, 1, 1), candidate(Native, 87, 1, 1), candidate(Bun, 95, 1, 1)}, Speed, Native},
		{"eight and nine are no tie", []Candidate{candidate(Bun, 1, 1, 8), candidate(Docker, 9, 9, 9)}, Security, Docker},
		{"what a session that prefers Security would get counts for it",
			[]Candidate{candidate(Bun, 1, 1, 9), {Type: Docker, Figures: Figures{9, 9}, Score: 9, Strongest: 10}}, Security, Docker},
		{"and for nobody else",
			[]Candidate{candidate(Bun, 1, 1, 9), {Type: Docker, Figures: Figures{9e9, 9 << 30}, Score: 9, Strongest: 10}}, Balanced, Bun},
		{"scores of zero tie", []Candidate{candidate(Docker, 1, 1, 0), candidate(Bun, 9, 9, 0)}, Security, Bun},
		{"embedded is not chosen while there is another",
			[]Candidate{candidate(Embedded, 1, 1, 9), candidate(Docker, 500, 250, 5)}, Speed, Docker},
		{"nor do its figures count",
			[]Candidate{candidate(Embedded, 1, 1, 9), candidate(Docker, 500, 20, 5), candidate(Bun, 50, 20, 5)}, Balanced, Bun},
		{"embedded is chosen when it is alone", []Candidate{candidate(Embedded, 5, 16, 5)}, Security, Embedded},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			at := Select(c.candidates, c.preference)
			if at < 0 || c.candidates[at].Type != c.want {
				t.Errorf("chose %d of %v", at, c.candidates)
			}
		})
	}
	if at := Select(nil, Speed); at != -1 {
		t.Errorf("of no candidates it chose %d", at)
	}
}

func TestSelectionDoesNotDependOnTheOrderOfCandidates(t *testing.T) {
	for range 50 { // maps are in random order
		all := declared()
		if got := all[Select(all, Balanced)].Type; got != Bun {
			t.Fatalf("chose %v", got)
		}
	}
}

// Selecting from the registry, as a create does it, costs two look-ups and no
// allocation.
func BenchmarkSelect(b *testing.B) {
	r := NewRegistry(&stub{kind: Bun}, &stub{kind: Deno}, &stub{kind: Native}, &stub{kind: Docker})
	r.Probe(b.Context())
	for p := Speed; p <= Balanced; p++ {
		b.Run(p.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r.Select(JavaScript, p) == nil {
					b.Fatal("nothing is selected")
				}
			}
		})
	}
}

// Weighing the candidates happens when something changes, not per create.
func BenchmarkWeigh(b *testing.B) {
	all := declared()
	b.ReportAllocs()
	for b.Loop() {
		if Select(all, Balanced) < 0 {
			b.Fatal("nothing is selected")
		}
	}
}

func TestSelectingAllocatesNothing(t *testing.T) {
	r := NewRegistry(&stub{kind: Bun}, &stub{kind: Docker})
	r.Probe(t.Context())
	all := declared()
	if n := testing.AllocsPerRun(100, func() { r.Select(JavaScript, Balanced); Select(all, Security) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
