package splice

import "bytes"

// State says how far the backend's stream has been joined.
type State uint8

// The states, in the order in which they can be reached; Joined and Differs are
// final.
const (
	Comparing State = iota // all so far equals what was sent, and more was sent
	Joined                 // all that was sent has come; the rest passes
	Differs                // the backend wrote something else
)

// Splicer joins one response. The zero value is ready: nothing was sent.
//
// It goes on comparing after what was sent, with what else was expected, so that
// a response that was committed to a small depth can prove a greater one.
type Splicer struct {
	expected []byte // never changed
	sent     int    // the first part of expected, which went out
	matched  int    // the backend repeated expected[:matched]
	differs  bool   // at expected[matched], or the stream ended there
}

// New returns a Splicer for a response of which expected[:sent] went out and
// all of expected is likely. Nothing went out if sent is 0; then the Splicer
// only measures. It keeps expected and does not change it.
func New(expected []byte, sent int) Splicer {
	return Splicer{expected: expected, sent: sent}
}

// Next takes the next chunk of the stream and returns the part of it that has to
// be passed on: nothing while comparing or after a difference inside what was
// sent, the rest of the chunk where the comparison ends, all of it afterwards.
// The result is a part of p.
func (s *Splicer) Next(p []byte) []byte {
	if s.differs || s.matched == len(s.expected) {
		if s.State() == Differs {
			return nil
		}
		return p
	}
	swallow := max(s.sent-s.matched, 0)
	s.compare(p)
	if s.State() != Joined {
		return nil
	}
	return p[min(swallow, len(p)):]
}

// compare moves matched on over the bytes of p that are expected.
func (s *Splicer) compare(p []byte) {
	want := s.expected[s.matched:]
	n := min(len(p), len(want))
	if bytes.Equal(p[:n], want[:n]) {
		s.matched += n
		return
	}
	s.differs = true
	for i := range n { // only once a stream
		if p[i] != want[i] {
			s.matched += i
			return
		}
	}
}

// End tells the Splicer that the stream has ended, and returns the final state.
func (s *Splicer) End() State {
	if s.matched < len(s.expected) {
		s.differs = true
	}
	return s.State()
}

// State returns the state after the last chunk.
func (s *Splicer) State() State {
	switch {
	case s.matched >= s.sent:
		return Joined
	case s.differs:
		return Differs
	}
	return Comparing
}

// Matched returns how many of the expected bytes the backend has repeated.
func (s *Splicer) Matched() int { return s.matched }

// Measuring reports whether the Splicer still compares.
func (s *Splicer) Measuring() bool { return !s.differs && s.matched < len(s.expected) }
