package wire

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// Which byte ends each measure, for each side.
func TestOffsets(t *testing.T) {
	r := &row{opening: 3000, backend: &backend{document: stage.NewDocument(false, true)}}
	head := r.backend.document.Page().HeadEnd
	for s, want := range map[side][measures]int{
		plainSide:     {1, head, 1, 50_000},
		headstartSide: {1, head, 3001, 50_000},
	} {
		if got := r.offsets(s, 50_000); got != want {
			t.Errorf("side %d: %v, want %v", s, got, want)
		}
	}
	if got := r.offsets(respondSide, 3000); got[firstByte] != 1 {
		t.Errorf("respond: %v", got)
	}
}

// newRow returns a row of two rounds, in milliseconds.
func newRow(respond, headstart [][]float64) *row {
	r := &row{protocol: "h2", level: stage.Shell, delay: 50 * time.Millisecond, opening: 3000}
	set := func(s side, m measure, rounds [][]float64) {
		for _, round := range rounds {
			values := make([]float64, 0, len(round))
			for _, v := range round {
				values = append(values, 1000*v)
			}
			r.marks[s][m] = append(r.marks[s][m], values)
		}
	}
	for m := range measures {
		set(respondSide, m, respond)
		set(headstartSide, m, headstart)
		set(bareSide, m, headstart)
		set(plainSide, m, [][]float64{{50}, {50}})
	}
	return r
}

func TestNewLine(t *testing.T) {
	l := newLine(newRow([][]float64{{1, 1}, {1, 1}}, [][]float64{{1, 1}, {1.1, 1.1}}), firstByte)
	if l.ToRespond != 1.05 || l.ToRespondP99 != 1.1 || l.ToPlain != 0.021 || l.ToBare != 1 || stats.Met(l.Verdict) != "yes?" {
		t.Errorf("%+v", l)
	}
	if l.SpreadToRespond[0] != 1.025 || l.SpreadToRespond[1] < 1.07 {
		t.Errorf("spread %v", l.SpreadToRespond)
	}
	if l := newLine(newRow([][]float64{{1, 1}}, [][]float64{{1, 5}}), firstByte); l.Met {
		t.Error("a p99 that is out of the target meets it")
	}
	if l := newLine(newRow([][]float64{{1}}, [][]float64{{52}}), lastByte); l.Respond != nil || l.Verdict != nil || l.ToPlain != 1.04 {
		t.Errorf("the last byte: %+v", l)
	}
}

// The table goes by measure, so that rows which are to be compared stand together.
func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	rows := []*row{newRow([][]float64{{1}}, [][]float64{{2}}), newRow([][]float64{{1}}, [][]float64{{1}})}
	if err := newResult(rows).Markdown(&b); err != nil {
		t.Fatal(err)
	}
	var measured []string
	for line := range strings.Lines(b.String()) {
		if name, _, found := strings.Cut(strings.TrimPrefix(line, "| "), " | h2 | shell | 50ms | "); found {
			measured = append(measured, name)
		}
	}
	want := "first byte, first byte, `</head>`, `</head>`, first backend byte, first backend byte, last byte, last byte"
	if got := strings.Join(measured, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestIDs(t *testing.T) {
	ids := strings.Join(IDs([]time.Duration{5 * time.Millisecond, time.Second}), " ")
	const want = "wire/h1/head/5ms wire/h1/head/1s wire/h1/shell/5ms wire/h1/shell/1s " +
		"wire/h2/head/5ms wire/h2/head/1s wire/h2/shell/5ms wire/h2/shell/1s " +
		"wire/h3/head/5ms wire/h3/head/1s wire/h3/shell/5ms wire/h3/shell/1s"
	if ids != want {
		t.Errorf("%s, want %s", ids, want)
	}
}
