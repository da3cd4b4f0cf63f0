package cpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tenant is a share and where it was told to be.
type tenant struct {
	*Share
	at   []int
	told int
}

func move(m *Machine, limit float64) *tenant {
	t := &tenant{}
	t.Share = m.Share(limit, func(numbers []int) { t.at, t.told = numbers, t.told+1 })
	return t
}

func TestWhoMayUseAllProcessorsIsToldNothing(t *testing.T) {
	for _, c := range []struct {
		processors int
		limit      float64
		visible    int
	}{{2, 2, 2}, {2, 1.01, 2}, {2, 1000, 2}, {2, 0, 2}, {1, 0.1, 1}, {0, 1, 0}} {
		m := New(c.processors)
		share := m.Share(c.limit, func([]int) { t.Errorf("%+v: moved", c) })
		share.Begin()
		share.End()
		if got := m.Visible(c.limit); got != c.visible {
			t.Errorf("%+v: %d", c, got)
		}
	}
	if none := (*Machine)(nil).Share(1, nil); none != nil {
		t.Error("there is a share of no machine")
	}
}

func TestATenantMayGetMoreOrLess(t *testing.T) {
	m := New(4)
	one, other := move(m, 1), move(m, 1)
	one.Resize(2) // which comes to light when it runs something
	if one.told != 0 {
		t.Errorf("one that runs nothing is told to be at %v", one.at)
	}
	one.Begin()
	other.Begin()
	if len(one.at) != 2 || slices.Contains(one.at, other.at[0]) {
		t.Errorf("they are at %v and %v", one.at, other.at)
	}
	one.Resize(0.5)
	if len(one.at) != 1 || one.at[0] == other.at[0] || fmt.Sprint(m.load) != fmt.Sprint(loads(m, map[int]float64{one.at[0]: 0.5, other.at[0]: 1})) {
		t.Errorf("with less it is at %v, and the loads are %v", one.at, m.load)
	}
	one.Resize(0)
	if !slices.Equal(one.at, []int{0, 1, 2, 3}) || fmt.Sprint(m.load) != fmt.Sprint(loads(m, map[int]float64{other.at[0]: 1})) {
		t.Errorf("with all it is at %v, and the loads are %v", one.at, m.load)
	}
	one.Resize(1)
	if len(one.at) != 1 || one.at[0] == other.at[0] {
		t.Errorf("with one again it is at %v", one.at)
	}
	one.End()
	one.Resize(4)
	if len(one.at) != 4 {
		t.Errorf("one that runs nothing would start at %v", one.at)
	}
	one.Begin()
	one.End()
	other.End()
	if fmt.Sprint(m.load) != fmt.Sprint(make([]float64, 4)) || len(m.shares) != 0 {
		t.Errorf("afterwards the loads are %v", m.load)
	}
}

func loads(m *Machine, of map[int]float64) []float64 {
	all := make([]float64, len(m.load))
	for i, load := range of {
		all[i] = load
	}
	return all
}

func TestTenantsGetTheProcessorsWithTheLeastLoad(t *testing.T) {
	m := New(4)
	var all []*tenant
	for range 4 {
		one := move(m, 1)
		one.Begin()
		all = append(all, one)
	}
	var used []int
	for _, one := range all {
		used = append(used, one.at...)
	}
	if slices.Sort(used); !slices.Equal(used, []int{0, 1, 2, 3}) {
		t.Errorf("four tenants are at %v", used)
	}
	all[1].End()
	all[2].End()
	wide := move(m, 1.5)
	wide.Begin()
	if !slices.Equal(wide.at, []int{1, 2}) {
		t.Errorf("a tenant of one and a half is at %v", wide.at)
	}
}

func TestATenantKeepsItsPlaceWhileItIsAsGoodAsAnother(t *testing.T) {
	m := New(2)
	first, second := move(m, 1), move(m, 1)
	first.Begin()
	second.Begin()
	first.Begin() // a second program
	first.End()
	second.End()
	second.Begin()
	if first.told != 1 || second.told != 1 {
		t.Errorf("told %d and %d times", first.told, second.told)
	}
}

func TestTheEndOfOneLevelsTheOthers(t *testing.T) {
	m := New(2)
	a, b, c := move(m, 1), move(m, 1), move(m, 1)
	for _, one := range []*tenant{a, b, c} {
		one.Begin()
	}
	b.End()
	if slices.Equal(a.at, c.at) {
		t.Errorf("two tenants are at %v, and a processor is free", a.at)
	}
	if m.load[0] != 1 || m.load[1] != 1 {
		t.Errorf("loads %v", m.load)
	}
	a.End()
	c.End()
	if m.load[0] != 0 || m.load[1] != 0 || len(m.shares) != 0 {
		t.Errorf("left behind: %v, %v", m.load, m.shares)
	}
}

// Two that wait have a processor each; of two that work one is beside each.
// When one of those stops working, its processor idles while the other's is
// shared with nobody who works: nothing is to be gained. When both that work
// are on one, one is moved, whichever it takes.
func TestAnIdleProcessorTakesOneFromABusyOne(t *testing.T) {
	m := New(2)
	m.numbers = []int{3, 7} // as the kernel may count them
	a, b := move(m, 1), move(m, 1)
	a.Begin()
	m.load[1] += 10 // so that both are on one
	b.Begin()
	m.load[1] -= 10
	if !slices.Equal(a.at, []int{3}) || !slices.Equal(b.at, []int{3}) {
		t.Fatalf("at %v and %v", a.at, b.at)
	}
	m.mu.Lock()
	m.last = map[int]times{3: {100, 200}, 7: {100, 200}}
	m.evenLocked(map[int]times{3: {200, 300}, 7: {190, 300}})
	m.mu.Unlock()
	if !slices.Equal(a.at, b.at) {
		t.Error("one was moved to a processor that is busy")
	}
	m.mu.Lock()
	m.evenLocked(map[int]times{3: {200, 300}, 7: {110, 300}})
	m.mu.Unlock()
	if slices.Equal(a.at, b.at) || m.load[0] != 1 || m.load[1] != 1 {
		t.Errorf("at %v and %v, loads %v", a.at, b.at, m.load)
	}
}

const stat = `cpu  50 0 30 20 10 0 0 0 0 0
cpu0 20 0 10 5 5 0 0 0 0 0
cpu1 10 0 10 5 5 0 0 0 0 0
cpu2 20 0 10 10 0 0 0 0 0 0
intr 1234 5 6 7
ctxt 99
btime 1700000000
processes 5
softirq 17 1 2 3
`

func TestProcTellsOfSoManyProcessors(t *testing.T) {
	want := `cpu  30 0 20 10 10 0 0 0 0 0
cpu0 20 0 10 5 5 0 0 0 0 0
cpu1 10 0 10 5 5 0 0 0 0 0
intr 0
ctxt 99
btime 1700000000
processes 5
softirq 0
`
	if got := string(Stat([]byte(stat), 2)); got != want {
		t.Errorf("got %s", got)
	}
	if Count([]byte(stat)) != 3 || Count([]byte(want)) != 2 {
		t.Error("counted wrongly")
	}
	var info strings.Builder
	for i := range 3 {
		fmt.Fprintf(&info, "processor\t: %d\nmodel name\t: x\n\n", i)
	}
	info.WriteString("Hardware\t: y\n")
	if got := string(Info([]byte(info.String()), 1)); got != "processor\t: 0\nmodel name\t: x\n\nHardware\t: y\n" {
		t.Errorf("got %q", got)
	}
	if string(Online(1)) != "0\n" || string(Online(3)) != "0-2\n" {
		t.Error("the list is wrong")
	}
}
