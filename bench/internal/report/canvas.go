package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// canvas collects an SVG picture.
type canvas struct {
	strings.Builder
	width, height float64
}

func newCanvas(width, height float64, label string) *canvas {
	c := &canvas{width: width, height: height}
	c.add(`<svg viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s">`, width, height, width, height, html.EscapeString(label))
	return c
}

// add writes markup; its arguments must be numbers or escaped.
func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format, args...) }

func (c *canvas) text(x, y float64, class, text string) {
	c.add(`<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// bottomAxis marks the values of a horizontal scale.
func (c *canvas) bottomAxis(s scale, top, bottom float64, show func(float64) string) {
	for _, v := range s.ticks() {
		x := s.at(v)
		c.line(x, top, x, bottom, "grid")
		c.text(x, bottom+14, "tick middle", show(v))
	}
}

// leftAxis marks the values of a vertical scale.
func (c *canvas) leftAxis(s scale, left, right float64, show func(float64) string) {
	for _, v := range s.ticks() {
		y := s.at(v)
		c.line(left, y, right, y, "grid")
		c.text(left-6, y+4, "tick end", show(v))
	}
}

// done returns the picture; what it holds was escaped when it was written.
func (c *canvas) done() template.HTML {
	c.WriteString("</svg>")
	return template.HTML(c.String())
}

// scale maps values to pixels.
type scale struct {
	low, high float64 // values at the ends
	from, to  float64 // pixels of the ends
	log       bool
}

// logScale spans the values by whole powers of ten. Values that are not
// positive are left out.
func logScale(values []float64, from, to float64) scale {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		low, high = 1, 10
	}
	s := scale{low: math.Pow(10, math.Floor(math.Log10(low))), high: math.Pow(10, math.Ceil(math.Log10(high))), from: from, to: to, log: true}
	if s.high <= s.low {
		s.high = s.low * 10
	}
	return s
}

// linearScale spans from zero to a round number above the values.
func linearScale(values []float64, from, to float64) scale {
	high := 0.0
	for _, v := range values {
		high = max(high, v)
	}
	return scale{high: roundUp(high), from: from, to: to}
}

// roundUp is the next of 1, 2, 5 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5, 10} {
		if v <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

// at is the pixel of a value, within the ends.
func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, s.low))
	}
	part := (v - low) / (high - low)
	return s.from + min(max(part, 0), 1)*(s.to-s.from)
}

// ticks are the values to mark.
func (s scale) ticks() (marks []float64) {
	if s.log {
		for v := s.low; v <= s.high*1.001; v *= 10 {
			marks = append(marks, v)
		}
		return marks
	}
	for i := range 5 {
		marks = append(marks, s.low+(s.high-s.low)*float64(i)/4)
	}
	return marks
}

// Duration shows nanoseconds with three digits and a unit.
func Duration(ns float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= unit.size*0.9995 {
			return Number(ns/unit.size) + " " + unit.name
		}
	}
	return Number(ns) + " ns"
}

// Number shows three digits, more only before the point.
func Number(v float64) string {
	switch abs := math.Abs(v); {
	case abs == 0:
		return "0"
	case abs >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case abs >= 9.995:
		return fmt.Sprintf("%.1f", v)
	case abs >= 0.9995:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
