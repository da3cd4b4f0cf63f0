package chart

import (
	"fmt"
	"html"
	"html/template"
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
