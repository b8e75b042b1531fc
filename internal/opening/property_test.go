package opening

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// Whatever was observed, and whatever the backend answers then: the visitor's
// page is the backend's, or is loaded again. What was observed itself is borne
// out by an opening that was learned from it.
func TestMergeProperty(t *testing.T) {
	outcomes := make(map[string]int)
	rapid.Check(t, func(t *rapid.T) {
		heads := make([][]string, 3, 4)
		heads[0] = domtest.Heads().Draw(t, "head")
		for i := range heads[1:] {
			heads[i+1] = heads[0]
			if rapid.IntRange(0, 3).Draw(t, "as before") > 0 {
				heads[i+1] = domtest.Mutations(heads[0]).Draw(t, "observed")
			}
		}
		answer := heads[rapid.IntRange(0, 2).Draw(t, "as observed")]
		if rapid.Bool().Draw(t, "changed") {
			answer = domtest.Mutations(answer).Draw(t, "answer")
		}
		o, host := new(Opening), NewHost(new(atomic.Int64))
		rules := Rules{LearnAfter: 3, EarlyAsync: rapid.Bool().Draw(t, "early_async")}
		for _, head := range heads {
			if obs := observe(t, head); obs != nil {
				o.observe(newHead(host, obs, 1), vote{good: true}, rules, o.agreed)
			}
		}
		for depth := range o.learned(rules).sequence.Len() + 1 {
			early := o.form.build(depth)
			for _, head := range heads {
				if outcome := judge(t, early, domtest.Document(head, "<p>x")); outcome != "exact" && outcome != "merged" {
					t.Fatalf("%d items sent: what was observed is %s: %q", depth, outcome, head)
				}
			}
			outcomes[judge(t, early, domtest.Document(answer, "<p>y"))]++
		}
	})
	t.Logf("outcomes: %v", outcomes)
}

func observe(t *rapid.T, head []string) *Observation {
	t.Helper()
	obs, _, _ := Observe(Headers{{name: "Content-Type", values: []string{"text/html; charset=utf-8"}}}, []byte(domtest.Document(head, "<p>x")), true, Scope{})
	if len(obs.Items) == 0 {
		return nil
	}
	return obs
}

// judge joins a page onto what was sent, checks what the visitor has, and returns
// the outcome.
func judge(t *rapid.T, early *Early, stream string) string {
	t.Helper()
	outcome, page := joinStream(early, []byte(stream))
	err := domtest.Check([]byte(stream), page, outcome, recovery.Prefix)
	if err != nil && !errors.Is(err, domtest.ErrNotParsed) {
		t.Fatalf("%d items sent, %s: %v\nbackend %s\nvisitor %s", early.Sent, outcome, err, stream, page)
	}
	return outcome
}

// Attributes of <html> that differ are left out, and what could see that waits.
func TestMergeHTML(t *testing.T) {
	tests := []struct {
		name  string
		tags  [2]string
		want  string
		early int // of link and script
	}{
		{"alike", [2]string{"<html lang=en>", "<html lang=en>"}, "<html lang=en>", 2},
		{"an id differs", [2]string{"<html lang=en id=a>", "<html lang=en id=b>"}, `<html lang="en">`, 2},
		{"one is missing", [2]string{"<html lang=en id=a>", "<html lang=en>"}, `<html lang="en">`, 2},
		{"a class differs", [2]string{"<html class=a>", "<html class=b>"}, "<html>", 1},
		{"data differs", [2]string{"<html data-x=a>", "<html>"}, "<html>", 1},
		{"a handler differs", [2]string{"<html onclick=a>", "<html onclick=b>"}, "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var lists [][]document.Item
			for _, tag := range test.tags {
				page := "<!doctype html>" + tag + "<head><link rel=stylesheet href=a><script src=b></script></head>"
				lists = append(lists, document.ScanHead([]byte(page), true).Items)
			}
			html, early := "", 0
			for _, s := range mergeHeads(lists, false).steps {
				if s.fate == flushed && s.item.Kind == document.HTML {
					html = string(s.item.Raw)
				}
				if s.fate == flushed && s.item.Kind == document.Child {
					early++
				}
			}
			if html != test.want || early != test.early {
				t.Errorf("%s and %d items, want %s and %d", html, early, test.want, test.early)
			}
		})
	}
}

// Heads of any size are merged in bounded time.
func TestMergeIsBounded(t *testing.T) {
	lists := make([][]document.Item, 2)
	for i := range lists {
		for j := range 20_000 {
			lists[i] = append(lists[i], document.Item{Raw: []byte{byte(i), byte(j), byte(j >> 8)}})
		}
	}
	if got := common(lists[0], lists[1]); len(got) != 0 {
		t.Errorf("%d items in common", len(got))
	}
}

// What a head keeps of an observation gives the same items again, alone or shared
// with other pages.
func TestHeadProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := NewHost(new(atomic.Int64))
		first := domtest.Heads().Draw(t, "head")
		for page, head := range [][]string{first, domtest.Mutations(first).Draw(t, "other"), first} {
			obs := observe(t, head)
			if obs == nil {
				continue
			}
			got, _ := newHead(host, obs, uint32(page+1)).decode()
			if diff := cmp.Diff(obs.Items, got); diff != "" {
				t.Fatalf("%q (-observed +kept):\n%s", head, diff)
			}
		}
	})
}
