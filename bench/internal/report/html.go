package report

import (
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/result"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"code": code}).Parse(pageText))

// code shows what is in backquotes as code.
func code(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if part = template.HTMLEscapeString(part); i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String())
}

// page is what the template shows.
type page struct {
	Title    string
	Run      *result.Run
	Facts    []fact
	Sections []section
	Verdict  string
	Failed   bool
}

// section is a table with its pictures.
type section struct {
	Table
	ID            string
	Bars          template.HTML
	Distributions template.HTML
	OverTime      template.HTML
	Plots         []plot
}

// plot is a picture with a caption.
type plot struct {
	Caption string
	Picture template.HTML
}

// HTML writes the report as one page that loads nothing: style and pictures are
// in it, and its policy forbids everything else.
func HTML(w io.Writer, r *result.Run) error {
	failed, _ := r.Failed()
	p := page{Title: "CodeBeaker performance report", Run: r, Facts: facts(r), Verdict: verdict(r), Failed: failed > 0 || r.Aborted != ""}
	told := map[string]bool{}
	for _, group := range r.Groups() {
		p.Sections = append(p.Sections, sectionOf(r, group, told))
	}
	if r.Load != nil {
		p.Sections = append(p.Sections, loadSections(r.Load)...)
	}
	for i := range p.Sections {
		p.Sections[i].ID = "s" + string(rune('a'+i/26)) + string(rune('a'+i%26))
	}
	return pageTemplate.Execute(w, p)
}

func sectionOf(r *result.Run, group []*result.Series, told map[string]bool) section {
	s := section{Table: tableOf(r, group, told)}
	var rows []Row
	for _, one := range group {
		if one.Summary != nil {
			rows = append(rows, chartRow(one))
		}
	}
	if len(rows) > 0 {
		s.Bars, s.Distributions = Bars(rows), Distributions(rows)
	}
	if lines := overTime(group); len(lines) > 0 {
		s.OverTime = Lines(lines, true, Duration, seconds)
	}
	return s
}

func chartRow(s *result.Series) Row {
	r := Row{Name: s.Subject, Class: s.Baseline, Median: s.Summary.Median, Samples: s.Samples}
	if r.Class == "" {
		r.Class = "product"
	}
	if ci := s.Summary.MedianCI; ci != nil {
		r.Low, r.High = ci.Low, ci.High
	}
	if s.Summary.P90 != nil {
		r.P90 = *s.Summary.P90
	}
	return r
}

func seconds(v float64) string { return Number(v) + " s" }
