package module

import (
	"bytes"

	"github.com/headstart-proxy/headstart/internal/splice"
)

// tap keeps the first bytes of a body: to somewhat behind the end of a head, or as
// many as may be sent early. The zero value keeps nothing.
type tap struct {
	on      bool
	teaches bool // the page learns from it
	shell   bool // what follows the head is kept, too
	full    bool // more came than it keeps
	limit   int
	enough  int // how many bytes hold the head, 0 if not known yet
	bytes   []byte
}

const (
	tapStep = 4 << 10 // bytes; how much is kept at a time, to look for the end of the head
	tapMore = 64      // bytes; behind the end of the head, so that it is beyond doubt
)

// headEnds are the usual spellings. With another one more is kept than needed.
var headEnds = [][]byte{[]byte("</head>"), []byte("</HEAD>")}

// newTap returns a tap for the response that the backend has begun: one that teaches, or
// one that only finds out what the response asks for, if that is wanted. What the backend
// keeps from being learned is not kept.
func (x *exchange) newTap(teaches bool) tap {
	return tap{
		on:      teaches || x.ask != askNothing,
		teaches: teaches,
		limit:   x.h.MaxOpening,
		shell:   x.rules.Shell && !x.headOnly && (teaches || x.ask == askBody),
	}
}

// proved returns how many steps the response proves that bears out so many of those
// expected: those of the head at most, if the backend wants no shell.
func (x *exchange) proved(depth int, expected *splice.Sequence) int {
	if x.headOnly {
		return min(depth, len(expected.Items))
	}
	return depth
}

func (t *tap) write(p []byte) {
	for len(p) > 0 && t.wants() {
		n := min(len(p), tapStep, t.limit-len(t.bytes))
		from := max(len(t.bytes)-len(headEnds[0]), 0)
		t.bytes = append(t.bytes, p[:n]...)
		p = p[n:]
		for _, end := range headEnds {
			if t.shell {
				break
			}
			if i := bytes.Index(t.bytes[from:], end); i >= 0 && t.enough == 0 {
				t.enough = from + i + tapMore
			}
		}
		t.full = n == 0 || t.enough > 0 && len(t.bytes) >= t.enough
	}
}

func (t *tap) wants() bool { return t.on && !t.full }
