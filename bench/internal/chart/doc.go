// Package chart draws figures as SVG for the report's page: bars, distributions
// and lines over time. It needs no script and nothing from elsewhere; colours
// come from the page's style by class (product, bare, docker, beside, line0 to
// line7).
package chart
