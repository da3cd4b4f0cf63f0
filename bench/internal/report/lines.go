package report

import (
	"fmt"
	"html/template"
	"strings"
)

// Line is a value over time.
type Line struct {
	Name   string
	X, Y   []float64 // of the same length; X rises
	Dashed bool
	Colour int // of the style's lines
}

const (
	plotHeight = 180.0
	plotTop    = 8.0
	plotLeft   = 70.0
	legendRow  = 16.0
)

// Lines draws lines over the same time, with a legend below. show names the
// values, showX the times; log draws the values on a logarithmic scale.
func Lines(lines []Line, log bool, show, showX func(float64) string) template.HTML {
	var xs, ys []float64
	for _, l := range lines {
		xs, ys = append(xs, l.X...), append(ys, l.Y...)
	}
	bottom := plotTop + plotHeight
	columns := 4
	legend := float64((len(lines)+columns-1)/columns) * legendRow
	c := newCanvas(width, bottom+axisRoom+legend, "over time")
	y := linearScale(ys, bottom, plotTop)
	if log {
		y = logScale(ys, bottom, plotTop)
	}
	x := linearScale(xs, plotLeft, width-20)
	if last := maximum(xs); last > 0 {
		x.high = last
	}
	c.leftAxis(y, plotLeft, width-20, show)
	c.bottomAxis(x, plotTop, bottom, showX)
	for i, l := range lines {
		c.curve(l, x, y)
		left := plotLeft + float64(i%columns)*(width-plotLeft)/float64(columns)
		top := bottom + axisRoom + float64(i/columns)*legendRow
		c.line(left, top+4, left+18, top+4, l.class())
		c.text(left+23, top+8, "tick", l.Name)
	}
	return c.done()
}

func (c *canvas) curve(l Line, x, y scale) {
	var path strings.Builder
	for i := range l.X {
		step := "L"
		if i == 0 {
			step = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", step, x.at(l.X[i]), y.at(l.Y[i]))
	}
	c.add(`<path d="%s" class="%s"/>`, path.String(), l.class())
}

func (l Line) class() string {
	class := fmt.Sprintf("curve line%d", l.Colour%8)
	if l.Dashed {
		class += " dashed"
	}
	return class
}

func maximum(values []float64) (most float64) {
	for _, v := range values {
		most = max(most, v)
	}
	return most
}
