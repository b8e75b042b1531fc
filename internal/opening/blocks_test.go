package opening

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A page that changes for good is learned again after as many responses as at first,
// though what differs is not kept.
func TestShellAfterDeploy(t *testing.T) {
	for _, public := range []bool{false, true} {
		w := newWorld()
		w.rules.Shell, w.rules.Public = true, public
		i := 0
		show := func(n int, document string) {
			for range n {
				i++
				w.as(i)
				w.show(document)
			}
			w.as(20_000)
		}
		paragraphs := func(s string) string { return styled + body + nav + strings.Repeat("<p>"+s+"</p>", 2000) }
		show(capacity(w.rules), paragraphs("one"))
		if got := w.sent(); got != paragraphs("one") {
			t.Errorf("public %v: %d bytes at first", public, len(got))
		}
		for j := range 8 { // nothing is stable
			show(1, paragraphs(fmt.Sprint("other", j)))
			w.now = w.now.Add(time.Second)
		}
		if got := w.sent(); got != styled+body+nav+"<p>" {
			t.Errorf("public %v: %d bytes of what changes", public, len(got))
		}
		show(3, paragraphs("two"))
		if got := w.sent(); got != paragraphs("two") {
			t.Errorf("public %v: %d bytes of the next", public, len(got))
		}
	}
}

// Bodies that differ in each response are not kept as often as there are votes, those
// that are alike in part are held once as far as they are.
func TestBodiesAreTrimmed(t *testing.T) {
	const size = 60_000
	text := func(i int) string {
		var b strings.Builder
		for j := 0; b.Len() < size; j++ {
			fmt.Fprintf(&b, "<p>%d of %d</p>", j, i)
		}
		return b.String()
	}
	tests := []struct {
		name string
		page func(i int) string
		most int
	}{
		{"alike", func(int) string { return styled + body + text(0) }, size},
		{"a token at the start", func(i int) string { return fmt.Sprint(styled, body, "<p>", i, "</p>", text(0)) }, size},
		{"a token in the middle", func(i int) string {
			return fmt.Sprint(styled, body, text(0)[:size/2], "<p>", i, "</p>", text(0)[size/2:])
		}, size},
		{"all", func(i int) string { return styled + body + text(i) }, size},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newShellTrial()
			for i := range 9 {
				p.show(test.page(i))
			}
			if got := p.Size(); got > test.most+test.most/2 { // points and all
				t.Errorf("it takes %d bytes", got)
			}
			p.Close()
			if host := p.Host(); len(host.ids.entries) > 0 || len(host.items.entries) > 0 {
				t.Errorf("%d items are left", len(host.items.entries))
			}
		})
	}
}

// What the pages of a site have alike in their bodies is held once, wherever it
// stands.
func TestBlocksAreShared(t *testing.T) {
	var foot strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&foot, "<p>Entry %d</p>", i)
	}
	host, items := NewHost(new(atomic.Int64)), 0
	for i := range 20 {
		p := newShellTrial()
		p.Settle(host)
		before := len(host.items.entries)
		p.show(styled + body + strings.Repeat(fmt.Sprint("<p>", i, "</p>"), 1+i*7) + foot.String())
		items = len(host.items.entries) - before
	}
	if items > 4 {
		t.Errorf("the last page brings %d blocks", items)
	}
	for id, item := range host.items.entries {
		if n := len(item.raw); n > maxBlock+64 {
			t.Errorf("block %d has %d bytes", id, n)
		}
	}
}
