package stage

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A fake writes down what is done to it.
type fake struct {
	id  string
	log *[]string
	err error // of rounds
}

func (f fake) ID() string { return f.id }

func (f fake) Prepare(context.Context) error {
	*f.log = append(*f.log, "prepare "+f.id)
	return nil
}

func (f fake) Round(_ context.Context, length time.Duration) error {
	*f.log = append(*f.log, f.id+" "+length.String())
	return f.err
}

func (f fake) Close() { *f.log = append(*f.log, "close "+f.id) }

func TestMeasure(t *testing.T) {
	var log []string
	rows := []fake{{id: "a/1", log: &log}, {id: "b/1", log: &log}, {id: "a/2", log: &log}}
	chosen := Choose(rows, regexp.MustCompile("^a"))
	if got := IDs(chosen); !slices.Equal(got, []string{"a/1", "a/2"}) {
		t.Errorf("rows %q", got)
	}
	o := Options{Time: 12 * time.Second, Rounds: 2}
	if err := Measure(t.Context(), chosen, o, new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	want := "prepare a/1, prepare a/2, a/1 3s, a/2 3s, a/1 3s, a/2 3s, close a/2, close a/1"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// An error names the row, and what was opened is closed.
func TestMeasureError(t *testing.T) {
	var log []string
	rows := []fake{{id: "a", log: &log, err: context.DeadlineExceeded}, {id: "b", log: &log}}
	err := Measure(t.Context(), rows, Options{Time: time.Second, Rounds: 3}, new(bytes.Buffer))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "a: ") {
		t.Errorf("error %v", err)
	}
	if got, want := strings.Join(log, ", "), "prepare a, prepare b, a 166.666666ms, close b, close a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
