package opening

import (
	"bytes"
	"slices"

	"github.com/headstart-proxy/headstart/internal/document"
)

// mergeBodies returns how much of a body may be sent behind a head of which items
// come late: to the last point before what none of them may be passed by. An async
// script of the body may count on what follows it.
func mergeBodies(body document.Body, late []document.Item, earlyAsync bool) document.Body {
	for _, m := range body.Marks {
		element := document.Item{Traits: m.Traits}
		if !earlyAsync && element.Has(document.Async) ||
			slices.ContainsFunc(late, func(item document.Item) bool { return !item.PassedBy(element) }) {
			return upTo(body, m.Offset)
		}
	}
	return body
}

// upTo returns the first n bytes of a body, to the last point in them.
func upTo(body document.Body, n int) document.Body {
	n = lastPoint(body, n)
	points := body.Points
	for len(points) > 0 && points[len(points)-1].Offset > n {
		points = points[:len(points)-1]
	}
	return document.Body{Bytes: body.Bytes[:n], Points: points, Marks: body.Marks}
}

// decoder reads what the heads of a window hold, each once, when it is asked for.
type decoder map[*head]contents

// contents are the items of a head, and its body.
type contents struct {
	items []document.Item
	body  document.Body
}

func (d decoder) read(h *head) contents {
	c, known := d[h]
	if !known {
		c.items, c.body = h.decode()
		d[h] = c
	}
	return c
}

// alike reports whether all votes are for one head.
func alike(window []vote) bool {
	return !slices.ContainsFunc(window, func(v vote) bool { return v.head != window[0].head }) && len(window) > 0
}

// shared returns what the bodies of votes have in common at their beginning, to the
// last point that all of them have.
func (d decoder) shared(votes []vote) document.Body {
	first := d.read(votes[0].head).body
	n := len(first.Bytes)
	for _, v := range votes[1:] {
		n = commonBytes(first.Bytes[:n], d.read(v.head).body.Bytes)
	}
	for i := 0; i < len(votes); i++ {
		if last := lastPoint(d.read(votes[i].head).body, n); last < n {
			n, i = last, -1 // all have to have this one
		}
	}
	return upTo(first, n)
}

// lastPoint returns the last point in the first n bytes, 0 if there is none.
func lastPoint(body document.Body, n int) int {
	i, found := slices.BinarySearchFunc(body.Points, n, func(p document.Point, n int) int { return p.Offset - n })
	switch {
	case found:
		return n
	case i == 0:
		return 0
	}
	return body.Points[i-1].Offset
}

// trim takes from each head but the newest what its body has in common with no
// other one of the window: it would be kept for nothing. Where responses that differ
// come to an end, the votes that come then are whole.
func (d decoder) trim(newest *head, window []vote) {
	if alike(window) {
		return
	}
	for _, v := range window {
		d.read(v.head)
	}
	for h, c := range d {
		if h == newest || h.votes > 1 {
			continue
		}
		n := 0
		for other, o := range d {
			if other != h {
				n = max(n, commonBytes(c.body.Bytes, o.body.Bytes))
			}
		}
		h.trim(n)
	}
}

// commonBytes returns how many bytes at the beginning are the same.
func commonBytes(a, b []byte) int {
	n := min(len(a), len(b))
	if bytes.Equal(a[:n], b[:n]) {
		return n
	}
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i
}
