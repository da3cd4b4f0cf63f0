package result

import "github.com/codebeaker/codebeaker/bench/internal/stats"

// Settle computes the summaries and ratios from the samples.
func (r *Run) Settle() {
	for _, s := range r.Series {
		s.Summary = nil
		if summary, err := stats.Summarize(s.Samples); err == nil {
			s.Summary = &summary
		}
	}
	reference := map[string]map[string]float64{} // group, class: median
	for _, s := range r.Series {
		if s.Baseline == "" || s.Baseline == Beside || s.Summary == nil {
			continue
		}
		if reference[s.Group()] == nil {
			reference[s.Group()] = map[string]float64{}
		}
		reference[s.Group()][s.Baseline] = s.Summary.Median
	}
	for _, s := range r.Series {
		s.Ratios = nil
		for class, median := range reference[s.Group()] {
			if s.Summary == nil || median <= 0 {
				continue
			}
			if s.Ratios == nil {
				s.Ratios = map[string]float64{}
			}
			s.Ratios[class] = s.Summary.Median / median
		}
	}
}

// Groups returns the series that are compared with each other, together and in
// the order in which they first appear.
func (r *Run) Groups() [][]*Series {
	var groups [][]*Series
	index := map[string]int{}
	for _, s := range r.Series {
		at, known := index[s.Group()]
		if !known {
			at = len(groups)
			index[s.Group()] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], s)
	}
	return groups
}
