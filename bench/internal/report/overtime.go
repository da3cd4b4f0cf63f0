package report

import (
	"github.com/codebeaker/codebeaker/bench/internal/chart"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/stats"
)

// windowSamples is how many samples a window needs for its p90.
const windowSamples = 10

// mostWindows is how many windows a run is divided into.
const mostWindows = 10

// overTime are the median and the 90th percentile of each subject in windows of
// the run: a drift, or a machine that was disturbed for a while, shows here.
func overTime(group []*result.Series) (lines []chart.Line) {
	for i, s := range group {
		windows := min(len(s.Samples)/windowSamples, mostWindows)
		if windows < 3 || len(s.At) != len(s.Samples) {
			continue
		}
		median := chart.Line{Name: s.Subject + " median", Colour: i}
		high := chart.Line{Name: s.Subject + " p90", Colour: i, Dashed: true}
		for w := range windows {
			from, to := len(s.Samples)*w/windows, len(s.Samples)*(w+1)/windows
			summary, err := stats.Summarize(s.Samples[from:to])
			if err != nil || summary.P90 == nil {
				continue
			}
			at := s.At[(from+to)/2] / 1000
			median.X, median.Y = append(median.X, at), append(median.Y, summary.Median)
			high.X, high.Y = append(high.X, at), append(high.Y, *summary.P90)
		}
		lines = append(lines, median, high)
	}
	return lines
}
