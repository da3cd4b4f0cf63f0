// Package report shows the document of a run to readers: as a table in the
// terminal, as Markdown, as one page of HTML that needs nothing from elsewhere,
// as JSON, and in the Go benchmark format that benchstat reads. Files of all
// five are made from the same document.
package report
