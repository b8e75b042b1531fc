package filmstrip

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// filmOf makes a film whose frames are letters, from milliseconds on.
func filmOf(frames map[int]string) film {
	var f film
	for at, letter := range frames {
		f.frames = append(f.frames, frame{time.Duration(at) * time.Millisecond, []byte(letter)})
	}
	slices.SortFunc(f.frames, func(a, b frame) int { return int(a.at - b.at) })
	return f
}

func TestLayOut(t *testing.T) {
	for name, test := range map[string]struct {
		films   []film
		moments []int    // milliseconds
		rows    []string // a letter for a cell, - for a blank one, * behind the marked one
	}{
		"steps without a change are left out": {
			films: []film{
				filmOf(map[int]string{1310: "a"}),
				filmOf(map[int]string{140: "a", 170: "b", 290: "c", 360: "d", 1050: "e", 1199: "f"}),
			},
			moments: []int{0, 200, 300, 400, 700, 1100, 1200, 1400},
			rows:    []string{"-------a*", "-b*cddeff"},
		},
		"too few, and steps are added where most are left out": {
			films:   []film{filmOf(map[int]string{140: "a", 1350: "b"})},
			moments: []int{0, 200, 300, 500, 600, 800, 1100, 1400},
			rows:    []string{"-a*aaaaab"},
		},
		"a frame at a step is seen there": {
			films:   []film{filmOf(map[int]string{100: "a", 200: "b"})},
			moments: []int{0, 100, 200},
			rows:    []string{"-a*b"},
		},
		"painted at once": {
			films:   []film{filmOf(map[int]string{0: "a"})},
			moments: []int{0},
			rows:    []string{"a*"},
		},
		"too many, and the first of each film stays": {
			films: []film{
				filmOf(map[int]string{50: "a", 150: "b", 250: "c", 350: "d", 450: "e", 550: "f", 650: "g", 750: "h", 850: "i", 950: "j"}),
				filmOf(map[int]string{750: "a"}),
			},
			moments: []int{0, 100, 200, 300, 400, 500, 800, 1000},
			rows:    []string{"-a*bcdehj", "------a*a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := layOut(test.films)
			var moments []int
			for _, m := range s.moments {
				moments = append(moments, int(m.Milliseconds()))
			}
			var rows []string
			for _, r := range s.rows {
				var row strings.Builder
				for _, c := range r.cells {
					row.WriteString(string(c.png))
					if c.png == nil {
						row.WriteByte('-')
					}
					if c.marked {
						row.WriteByte('*')
					}
				}
				rows = append(rows, row.String())
			}
			if diff := cmp.Diff(test.moments, moments); diff != "" {
				t.Errorf("moments (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.rows, rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if len(moments) > columns {
				t.Errorf("%d columns", len(moments))
			}
		})
	}
}
