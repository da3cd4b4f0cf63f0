package report

import (
	"fmt"
	"html/template"
	"strings"
)

// Row is one subject of a comparison. Values are nanoseconds.
type Row struct {
	Name  string
	Class string // product, bare, docker or beside
	// Median and the ends of its interval; P90 is zero when it is not known.
	Median, Low, High, P90 float64
	Samples                []float64
}

const (
	rowHeight = 22.0
	labelPart = 190.0
	width     = 800.0
	mostLabel = 32 // characters
	rightRoom = 90.0
	axisRoom  = 24.0
)

// Bars compares the medians of rows on a logarithmic scale: a bar to the
// median, a thin line for its interval, a mark at the 90th percentile.
func Bars(rows []Row) template.HTML {
	c, s := rowsCanvas(rows, "medians")
	for i, r := range rows {
		top := float64(i) * rowHeight
		middle := top + rowHeight/2
		end := s.at(r.Median)
		c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`, labelPart, top+4, max(end-labelPart, 1), rowHeight-8, r.Class)
		if r.High > 0 {
			c.line(s.at(r.Low), middle, s.at(r.High), middle, "interval")
		}
		after := end
		if r.P90 > 0 {
			after = max(after, s.at(r.P90))
			c.line(s.at(r.P90), top+4, s.at(r.P90), top+rowHeight-4, "p90")
		}
		c.text(after+6, middle+4, "value", Duration(r.Median))
	}
	return c.done()
}

// mostDots is how many samples of a row are drawn at most.
const mostDots = 400

// Distributions shows every sample of rows as a dot on a logarithmic scale, and
// the median as a line.
func Distributions(rows []Row) template.HTML {
	c, s := rowsCanvas(rows, "distributions")
	for i, r := range rows {
		top := float64(i) * rowHeight
		step := max((len(r.Samples)+mostDots-1)/mostDots, 1)
		var dots strings.Builder
		for j := 0; j < len(r.Samples); j += step {
			spread := float64((j*7)%13)/13 - 0.5 // so that equal ones do not hide each other
			fmt.Fprintf(&dots, "M%.1f %.1fh0", s.at(r.Samples[j]), top+rowHeight/2+spread*(rowHeight-8))
		}
		c.add(`<path d="%s" class="dots %s"/>`, dots.String(), r.Class)
		c.line(s.at(r.Median), top+3, s.at(r.Median), top+rowHeight-3, "p90")
	}
	return c.done()
}

// rowsCanvas draws what is common: names and axis.
func rowsCanvas(rows []Row, label string) (*canvas, scale) {
	var values []float64
	for _, r := range rows {
		values = append(values, r.Median, r.P90)
		values = append(values, r.Samples...)
	}
	bottom := float64(len(rows)) * rowHeight
	c, s := newCanvas(width, bottom+axisRoom, label), logScale(values, labelPart, width-rightRoom)
	c.bottomAxis(s, 0, bottom, Duration)
	for i, r := range rows {
		c.text(labelPart-8, float64(i)*rowHeight+rowHeight/2+4, "label end", shorten(r.Name))
	}
	return c, s
}

// shorten keeps a name in its part of the picture.
func shorten(name string) string {
	if letters := []rune(name); len(letters) > mostLabel {
		return string(letters[:mostLabel-1]) + "…"
	}
	return name
}
