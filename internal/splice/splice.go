package splice

import (
	"bytes"

	"github.com/headstart-proxy/headstart/internal/document"
)

// State says how far the backend's stream has been joined.
type State uint8

// The states. Comparing comes first; Joined and Differs are final.
const (
	Comparing State = iota // all so far equals what was sent, and more was sent
	Merging                // something differed; the rest of the head is joined item by item
	Joined                 // all that was sent is accounted for; the rest passes
	Differs                // what was sent cannot become the backend's page
)

// Splicer joins one response.
//
// It goes on measuring behind what was sent, so that a response that was
// committed to a small depth can prove a greater one.
type Splicer struct {
	seq     *Sequence
	sent    int // the first items of seq, which went out
	lenient bool
	state   State

	matched   int  // the stream begins with seq.Bytes[:matched]
	comparing bool // and may go on like that

	scanner *document.Scanner // from the first difference on; nil before, and when nothing is looked for
	read    int               // how many bytes it got
	merge   merge
	out     []byte
}

// New returns a Splicer for a response of which the first items of a sequence
// went out, as many as sent. None went out if sent is 0; then the Splicer only
// measures.
func New(seq *Sequence, sent int) Splicer {
	s := Splicer{seq: seq, sent: sent, comparing: true}
	s.merge.limit = len(seq.Items)
	if sent == 0 {
		s.state = Joined
	}
	return s
}

// Lenient makes the Splicer end in Joined whatever comes: where the page cannot
// become the backend's, its items follow those that were sent. It is for an error
// page that must be shown.
func (s *Splicer) Lenient() { s.lenient = true }

// Next takes the next chunk of the stream. out is what has to be written before
// anything else; rest, which there is from the moment on at which the state is
// Joined, comes after it, and after what the caller puts at the joint. Both are
// valid until the next call, rest as long as p.
func (s *Splicer) Next(p []byte) (out, rest []byte) {
	switch {
	case s.state == Differs:
		return nil, nil
	case s.comparing:
		return s.compare(p)
	case s.scanner == nil:
		return nil, p
	case s.state == Joined:
		if s.read += len(p); s.read > maxMerge {
			s.merge.finish()
			s.scanner = nil
			return nil, p
		}
		s.scanner.Write(p)
		s.scan() // measures
		return nil, p
	}
	s.scanner.Write(p)
	if s.read += len(p); s.read > maxMerge && !s.lenient {
		s.fail()
		return nil, nil
	}
	return s.scan()
}

// compare moves matched on over the bytes of p that are expected.
func (s *Splicer) compare(p []byte) (out, rest []byte) {
	want := s.seq.Bytes[s.matched:]
	swallow := max(s.seq.Size(s.sent)-s.matched, 0)
	n := min(len(p), len(want))
	if bytes.Equal(p[:n], want[:n]) {
		s.matched += n
		s.comparing = n < len(want)
		if s.state == Comparing && n < swallow {
			return nil, nil
		}
		s.state = Joined
		return nil, p[min(swallow, len(p)):]
	}
	same := 0
	for p[same] == want[same] { // only once a stream
		same++
	}
	s.matched += same
	s.comparing = false
	if same >= swallow {
		s.state = Joined
		s.startMerge(p[same:])
		s.scan() // measures
		return nil, p[swallow:]
	}
	s.state = Merging
	s.startMerge(p[same:])
	return s.scan()
}

// startMerge goes back to the start of the item in which the stream began to
// differ, and reads on from there item by item.
func (s *Splicer) startMerge(rest []byte) {
	whole := s.seq.whole(s.matched)
	s.scanner = document.NewScanner(maxItem)
	s.scanner.Know(s.seq.known)
	for _, item := range s.seq.Items[:whole] {
		s.scanner.Resume(item)
	}
	s.merge.start(s.seq, s.sent, whole)
	s.scanner.Write(s.seq.Bytes[s.seq.Size(whole):s.matched])
	s.scanner.Write(rest)
}

// maxMerge is how much of a stream is merged or measured, in bytes: memory and time
// for a head without end are not.
const maxMerge = 1 << 20

// maxItem is the longest item that is merged, in bytes. A longer one ends the
// understanding of the head.
const maxItem = 256 << 10

// scan takes the whole items that are there.
func (s *Splicer) scan() (out, rest []byte) {
	s.out = s.out[:0]
	if s.resolveEarly(); s.state == Joined && s.scanner != nil { // what is missing does not matter
		rest = s.scanner.Rest()
	}
	for {
		item, ok := s.scanner.Next()
		if !ok {
			break
		}
		s.take(item)
		switch s.state {
		case Differs:
			return s.out, nil
		case Joined:
			if rest == nil {
				rest = s.scanner.Rest()
			}
			if s.merge.measured() {
				s.scanner = nil
				return s.out, rest
			}
		case Comparing, Merging:
		}
	}
	if end := s.scanner.End(); end != "" {
		rest = s.headEnds(end, rest)
	}
	return s.out, rest
}

// headEnds resolves what is left when there are no more items.
func (s *Splicer) headEnds(end document.End, rest []byte) []byte {
	if s.state == Merging {
		understood := end == document.HeadEnd || end == document.Implied ||
			end == document.Truncated && len(s.scanner.Rest()) == 0
		if understood || s.lenient {
			s.resolve()
		} else {
			s.fail()
		}
		if s.state == Joined {
			rest = s.scanner.Rest()
		}
	}
	s.merge.finish()
	s.scanner = nil
	return rest
}

// fail ends the joining. How much would have been right to send is left open.
func (s *Splicer) fail() {
	s.state = Differs
	s.merge.limit = 0
}

// End tells the Splicer that the stream is complete, and returns what is still to
// be written: before what the caller puts at the joint, and after it.
func (s *Splicer) End() (out, rest []byte) {
	joined := s.state == Joined
	switch {
	case s.comparing:
		s.comparing = false
		if joined {
			s.merge.limit = s.seq.whole(s.matched)
			return nil, nil
		}
		s.state = Merging
		s.startMerge(nil)
	case s.scanner == nil, s.state == Differs:
		return nil, nil
	}
	s.scanner.Close()
	out, rest = s.scan()
	if joined {
		return nil, nil // they have passed already
	}
	return out, rest
}

// State returns the state after the last call.
func (s *Splicer) State() State { return s.state }

// Exact reports whether the stream repeated what was sent byte by byte.
func (s *Splicer) Exact() bool { return s.matched >= s.seq.Size(s.sent) }

// Matched returns how many bytes at the beginning of the stream are those of the
// sequence.
func (s *Splicer) Matched() int { return s.matched }

// Edits returns what has to be done to the page at the joint, nil if nothing.
func (s *Splicer) Edits() []Edit { return s.merge.edits }

// Measuring reports whether the Splicer still looks at the stream.
func (s *Splicer) Measuring() bool { return s.comparing || s.scanner != nil }

// Depth returns, after End or when the Splicer no longer measures, how many items
// could have been sent without being wrong, 0 if the state is Differs.
func (s *Splicer) Depth() int { return s.merge.limit }
