package splice

import (
	"bytes"
	"slices"

	"github.com/headstart-proxy/headstart/internal/document"
)

// State says how far the backend's stream has been joined.
type State uint8

// The states. Comparing comes first; Joined and Differs are final.
const (
	Comparing State = iota // all so far equals what was sent, and more was sent
	Merging                // something in the head differed, and more was sent
	Joined                 // all that was sent is accounted for; the rest passes
	Differs                // what was sent cannot become the backend's page
)

// Part is what has to be written next: bytes, then the edits that have to be done
// to the page before anything else is written.
type Part struct {
	Bytes []byte
	Edits []Edit // nil if there are none
}

// Splicer joins one response.
//
// It goes on measuring behind what was sent, so that a response that was
// committed to a small depth can prove a greater one.
type Splicer struct {
	seq     *Sequence
	sent    int // the first steps of seq, which went out
	lenient bool
	state   State
	insert  *inserted // see Insert

	matched   int  // the stream begins with seq.Bytes[:matched]
	at        int  // seq.Bytes[:at] are accounted for: met, or their absence is mended
	comparing bool // the stream may go on with seq.Bytes[at:]

	scanner   *document.Scanner // from the first difference in the head to its end; else nil
	read      int               // how many bytes it got
	merge     merge
	bodyLimit int // how many steps could have been sent, as far as the body limits them

	late      []lateItem // that wait for the end of the head
	children  int        // of head, in the stream so far
	unordered bool       // those met were sent in another order

	stands  int  // see Stands
	repairs bool // there were edits other than moving items into the head
	out     []byte
	parts   []Part
	one     [1]Part // where parts starts: there are more only where a page differs
}

// New returns a Splicer for a response of which the first steps of a sequence went
// out, as many as sent. None went out if sent is 0; then the Splicer only measures.
func New(seq *Sequence, sent int) Splicer {
	s := Splicer{seq: seq, sent: sent, comparing: true, bodyLimit: seq.Len()}
	s.merge.limit = len(seq.Items)
	if sent == 0 {
		s.state = Joined
	}
	return s
}

// Lenient makes the Splicer end in Joined whatever comes: where the page cannot
// become the backend's, its contents follow those that were sent. It is for an
// error page that must be shown.
func (s *Splicer) Lenient() { s.lenient = true }

// Insert adds an element to the head, which the backend's page has not got, where
// all that was sent is accounted for.
func (s *Splicer) Insert(tag string, element []byte) { s.insert = &inserted{tag, element} }

type inserted struct {
	tag string
	raw []byte
}

// Next takes the next chunk of the stream, and returns what has to be written. It is
// valid until the next call, and as long as p is.
func (s *Splicer) Next(p []byte) []Part {
	s.clear()
	switch {
	case s.state == Differs:
	case s.comparing:
		s.compare(p)
	case s.scanner == nil:
		s.pass(p)
	case s.state == Joined:
		s.pass(p)
		if s.read += len(p); s.read > maxMerge {
			s.endScan()
			break
		}
		s.scanner.Write(p)
		s.scan() // measures
	default:
		if s.read += len(p); s.read > maxMerge && !s.lenient {
			s.fail()
			break
		}
		s.scanner.Write(p)
		s.scan()
	}
	return s.parts
}

// clear forgets what had to be written.
func (s *Splicer) clear() {
	if s.parts == nil {
		s.parts = s.one[:]
	}
	s.out, s.parts = s.out[:0], s.parts[:0]
}

// pass adds bytes to what has to be written.
func (s *Splicer) pass(p []byte) {
	if len(p) > 0 {
		s.parts = append(s.parts, Part{Bytes: p})
	}
}

// flush adds what came out of a merge to what has to be written.
func (s *Splicer) flush(edits []Edit) {
	if len(s.out) == 0 && len(edits) == 0 {
		return
	}
	s.parts = append(s.parts, Part{Bytes: slices.Clone(s.out), Edits: edits})
	s.out = s.out[:0]
}

// join ends the joining: all that was sent is accounted for once the edits are done.
func (s *Splicer) join(edits []Edit) {
	s.state = Joined
	if s.insert != nil {
		s.out = append(s.out, s.insert.raw...)
		if s.shell() {
			edits = append([]Edit{{Put: nodeName(s.insert.tag), At: []int{maxPlace}}}, edits...)
		}
	}
	s.flush(edits)
}

// compare moves on over the bytes of p that are expected.
func (s *Splicer) compare(p []byte) {
	swallow := max(s.seq.Size(s.sent)-s.at, 0)
	same := s.advance(p)
	switch {
	case same >= swallow: // a difference, if there is one, is behind all that was sent
		if s.state != Joined {
			s.join(nil)
		}
		s.pass(p[swallow:])
		if same < len(p) && !s.comparing && s.at < len(s.seq.Bytes) && !s.inBody() {
			s.startMerge(p[same:])
			s.scan() // measures
		}
	case s.comparing:
	case s.state == Merging, s.inBody():
		s.rewind(p[same:])
	default:
		s.state = Merging
		s.startMerge(p[same:])
		s.scan()
	}
}

// advance moves on over the bytes of p that are expected, and returns how many they
// are.
func (s *Splicer) advance(p []byte) (same int) {
	want := s.seq.Bytes[s.at:]
	same = min(len(p), len(want))
	s.comparing = same < len(want)
	if !bytes.Equal(p[:same], want[:same]) {
		s.comparing = false
		for same = 0; p[same] == want[same]; { // only once or twice a stream
			same++
		}
	}
	if s.merge.seq == nil { // else the stream has differed before
		s.matched += same
	}
	s.at += same
	return same
}

// inBody reports whether what comes next stands in the body for sure: the first tag
// behind the items of the head was met.
func (s *Splicer) inBody() bool {
	first := bytes.IndexByte(s.seq.Body(s.seq.Len()), '>')
	return first >= 0 && s.at > s.seq.headSize()+first
}

// shell reports whether what was sent goes on into the body.
func (s *Splicer) shell() bool { return s.seq.Shell(s.sent) }

// startMerge goes back to the start of the item in which the stream began to
// differ, and reads on from there item by item.
func (s *Splicer) startMerge(rest []byte) {
	s.seq.index()
	whole := min(s.seq.whole(s.matched), len(s.seq.Items))
	s.scanner = document.NewScanner(maxItem)
	s.scanner.Know(s.seq.known)
	for _, item := range s.seq.Items[:whole] {
		s.scanner.Resume(item)
		if item.Kind == document.Child {
			s.children++
		}
	}
	s.merge.start(s.seq, min(s.sent, len(s.seq.Items)), whole)
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
func (s *Splicer) scan() {
	passed := s.state == Joined // what the scanner holds was passed on
	s.resolveEarly()
	for {
		if s.state == Joined && !passed {
			s.pass(s.scanner.Rest())
			passed = true
		}
		item, ok := s.scanner.Next()
		if !ok {
			break
		}
		s.take(item)
		if s.state == Differs {
			s.flush(nil) // what came out is in the page that the visitor gets now
			return
		}
		if s.state == Joined && passed && s.measured() {
			s.endScan()
			return
		}
	}
	if end := s.scanner.End(); end != "" {
		s.headEnds(end, passed)
		return
	}
	s.flush(nil)
}

// measured reports whether Depth can change no more.
func (s *Splicer) measured() bool {
	return s.merge.measured() && (len(s.seq.Items) == s.seq.Len() || s.merge.limit < len(s.seq.Items))
}

// headEnds resolves what is left when there are no more items, and goes on to the
// body.
func (s *Splicer) headEnds(end document.End, passed bool) {
	rest := s.scanner.Rest()
	over := end == document.HeadEnd || end == document.Implied
	if s.state == Merging {
		if over || end == document.Truncated && len(rest) == 0 || s.lenient {
			s.resolve()
		} else {
			s.fail()
		}
	}
	s.endScan()
	switch {
	case s.state == Differs:
		s.flush(nil)
		return
	case s.state == Merging: // the body was sent, too
		s.at, s.comparing = s.seq.headSize(), true
		s.compare(rest)
		return
	case !passed:
		s.pass(rest)
	}
	if over && s.merge.limit == len(s.seq.Items) {
		s.at, s.comparing = s.seq.headSize(), s.seq.headSize() < len(s.seq.Bytes)
		s.advance(rest)
	}
}

// endScan ends the reading of a head.
func (s *Splicer) endScan() {
	s.merge.finish()
	s.at = max(s.at, s.seq.headSize())
	s.scanner = nil
}

// fail ends the joining. How much would have been right to send is left open.
func (s *Splicer) fail() {
	s.state = Differs
	s.merge.limit, s.bodyLimit = 0, 0
}

// End tells the Splicer that the stream is complete, and returns what is still to
// be written.
func (s *Splicer) End() []Part {
	s.clear()
	joined := s.state == Joined
	switch {
	case s.comparing && s.state == Comparing && !s.inBody():
		s.comparing = false
		s.state = Merging
		s.startMerge(nil)
		s.scanner.Close()
		s.scan()
	case s.scanner != nil && s.state != Differs:
		s.scanner.Close()
		s.scan()
	}
	if s.comparing && (s.state == Comparing || s.state == Merging) {
		s.rewind(nil)
	}
	s.comparing = false
	if joined {
		return nil // it has passed already
	}
	return s.parts
}

// State returns the state after the last call.
func (s *Splicer) State() State { return s.state }

// Exact reports whether the stream repeated what was sent byte by byte.
func (s *Splicer) Exact() bool { return s.matched >= s.seq.Size(s.sent) }

// Matched returns how many bytes at the beginning of the stream are those of the
// sequence.
func (s *Splicer) Matched() int { return s.matched }

// Repairs reports whether the page has to be corrected, other than by moving what
// came late into the head.
func (s *Splicer) Repairs() bool { return s.repairs }

// Stands returns, if the state is Differs, how many steps were right for all that: the
// head and some of the body, or 0 if the head differs.
func (s *Splicer) Stands() int { return s.stands }

// Measuring reports whether the Splicer still looks at the stream.
func (s *Splicer) Measuring() bool { return s.comparing || s.scanner != nil }

// Depth returns, after End or when the Splicer no longer measures, how many steps
// could have been sent without being wrong, 0 if the state is Differs.
func (s *Splicer) Depth() int {
	if s.merge.limit < len(s.seq.Items) {
		return s.merge.limit
	}
	return min(s.seq.whole(s.at), s.bodyLimit)
}
