package stats

import "math"

// leastRounds is how many rounds there must be for a [Verdict] to be sure.
const leastRounds = 3

// A Verdict says whether a ratio meets its target. nil stands for no target.
type Verdict struct {
	Met bool `json:"met"`
	// Sure is whether the middle half of the ratios of single rounds says the same, of
	// three rounds or more.
	Sure bool `json:"sure"`
}

// AtMost judges a ratio, by the two decimals that are shown, which should be no more than
// a bound. rounds are the ratios of the single rounds.
func AtMost(bound, ratio float64, rounds []float64) *Verdict {
	met := shown(ratio) <= bound
	end := Spread(rounds)[0] // of the middle half, the end that is nearest to saying otherwise
	if met {
		end = Spread(rounds)[1]
	}
	return &Verdict{met, len(rounds) >= leastRounds && (shown(end) <= bound) == met}
}

// AtLeast is AtMost for a ratio which should be no less than a bound.
func AtLeast(bound, ratio float64, rounds []float64) *Verdict {
	negative := make([]float64, len(rounds))
	for i, r := range rounds {
		negative[i] = -r
	}
	return AtMost(-bound, -ratio, negative)
}

func shown(ratio float64) float64 { return math.Round(100*ratio) / 100 }

// And returns the verdict on two ratios that both have to meet their targets.
func (v *Verdict) And(w *Verdict) *Verdict {
	switch {
	case v.Met && w.Met:
		return &Verdict{true, v.Sure && w.Sure}
	case !v.Met && !w.Met:
		return &Verdict{false, v.Sure || w.Sure}
	case v.Met:
		return w
	default:
		return v
	}
}

// Met is how a verdict is written: "yes" or "no", with a question mark if it is not sure.
// It is no method String, which lines of a table that embed a verdict would have, too.
func Met(v *Verdict) string {
	if v == nil {
		return ""
	}
	text := "no"
	if v.Met {
		text = "yes"
	}
	if !v.Sure {
		text += "?"
	}
	return text
}
