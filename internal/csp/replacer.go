package csp

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/headstart-proxy/headstart/internal/buffer"
)

// A Replacer replaces nonces in a stream, in whatever chunks it comes. NewReplacer
// makes one. It belongs to one goroutine and, until End, to one stream.
//
// What is found. The letters and digits of a nonce stand as themselves; each of
// its other characters (+ / = - _) as itself or in one of its encoded forms (see
// formsOf), mixed freely. Which occurrence counts is what a reader from left to
// right would say: the one that starts first, of those the longest nonce, and the
// next one is looked for behind it. What was put in is never looked at.
//
// How, for each chunk:
//
//  1. Anchors. Four to eight letters and digits in a row of each nonce are its
//     anchor. They have one form only, so bytes.Index finds them, and that is
//     where nearly all the time goes. From an anchor the rest of the nonce is
//     read to the left and to the right (needle.find). No form of a character is
//     the beginning of another one, and only \/ ends with another one, so
//     reading never has to go back and try again.
//  2. The tail. An occurrence may go on in the next chunk. So from the first
//     place on where the text, up to its end, is the beginning of a nonce in any
//     form, it is held back (Replacer.tail): less than the longest form of a
//     nonce. Matches that start in front of that place are final. A match behind
//     it is not: if the unfinished one comes to be whole, it started earlier.
//  3. The seam. As much of the next chunk as a nonce can take is put behind what
//     was held back. There, all that starts in the held part can be decided; the
//     rest of the chunk is then a text like any other, and is not copied for it.
//
// What is held back is read again with the next chunk. That costs little: as a
// nonce is a secret, hardly anything but a nonce begins like one for long.
type Replacer struct {
	needles []needle
	longest int       // the greatest number of bytes that a nonce can take
	first   [256]bool // the bytes with which a nonce can start, in any form

	held []byte        // the end of the stream so far: an unfinished nonce, < longest
	out  buffer.Buffer // the last result, if it was not a part of the chunk
}

// needle is a nonce to be found. All but the last line is fixed.
type needle struct {
	plain    string
	fresh    string // takes its place
	anchor   []byte // plain[anchorAt:anchorAt+len(anchor)]
	anchorAt int

	// The next match in the text being scanned is text[start:end]; start is
	// nowhere if there is none left. The search for it goes on at from.
	start, end, from int
}

// nowhere is the start of a match that is not there.
const nowhere = math.MaxInt

// NewReplacer returns a Replacer that replaces from[i] by to[i], which may be
// longer, shorter or empty. A nonce without four letters and digits in a row is not
// looked for: Nonces returns such as are fit.
func NewReplacer(from, to []string) *Replacer {
	r := &Replacer{needles: make([]needle, 0, len(from))}
	for i, plain := range from[:min(len(from), len(to))] {
		at, size := anchorOf(plain)
		if size == 0 {
			continue
		}
		n := needle{plain: plain, fresh: to[i], anchor: []byte(plain[at : at+size]), anchorAt: at}
		longest := 0
		for j := range len(plain) {
			if forms := formsOf[plain[j]]; len(forms) > 0 {
				longest += len(forms[0])
			} else {
				longest++
			}
		}
		r.longest = max(r.longest, longest)
		r.first[plain[0]] = true
		for _, form := range formsOf[plain[0]] {
			r.first[form[0]] = true
		}
		r.needles = append(r.needles, n)
	}
	return r
}

// ReplaceString replaces nonces in all of s, which is a stream of its own: for header
// values.
func (r *Replacer) ReplaceString(s string) string {
	replaced := string(r.Next([]byte(s)))
	return replaced + string(r.End())
}

// Close ends the use of a Replacer, and of all it has returned.
func (r *Replacer) Close() {
	r.out.Return()
	*r = Replacer{}
}

// Next takes the next chunk of the stream and returns what can be passed on by
// now. That is p, or p but for its end, if nothing was held back before and
// nothing is replaced; else a buffer that is valid until the next call of Next or
// End, and that is about as large as the largest chunk so far. Next does not
// change p and does not keep it.
func (r *Replacer) Next(p []byte) []byte {
	r.out.Borrow()
	r.out.Bytes = r.out.Bytes[:0]
	if n := len(r.held); n > 0 {
		r.held = append(r.held, p[:min(len(p), r.longest)]...)
		if len(p) <= r.longest {
			done, stop := r.scan(r.held, false)
			r.out.Bytes = append(r.out.Bytes, r.held[done:stop]...)
			r.held = r.held[:copy(r.held, r.held[stop:])]
			return r.out.Bytes
		}
		// The longest nonce fits in behind each of the first n bytes, so none of
		// them starts an unfinished one, and stop is n or more.
		done, stop := r.scan(r.held, false)
		r.out.Bytes = append(r.out.Bytes, r.held[done:stop]...)
		p = p[stop-n:]
	}
	done, stop := r.scan(p, false)
	r.held = append(r.held[:0], p[stop:]...)
	if done == 0 && len(r.out.Bytes) == 0 {
		return p[:stop]
	}
	r.out.Bytes = append(r.out.Bytes, p[done:stop]...)
	return r.out.Bytes
}

// End tells the Replacer that the stream has ended, and returns what was held
// back; the result is valid until the next call of Next, with which a new
// stream begins.
func (r *Replacer) End() []byte {
	r.out.Borrow()
	r.out.Bytes = r.out.Bytes[:0]
	done, stop := r.scan(r.held, true)
	r.out.Bytes = append(r.out.Bytes, r.held[done:stop]...)
	r.held = r.held[:0]
	return r.out.Bytes
}

// scan decides on text[:stop]: all of text, but for an unfinished nonce at its end
// if this is not the last of the stream. It appends text[:done] to r.out.Bytes, with
// the nonces replaced; text[done:stop] holds none, and is left to the caller to
// append or to pass on.
func (r *Replacer) scan(text []byte, last bool) (done, stop int) {
	for i := range r.needles {
		r.needles[i].start, r.needles[i].from = -1, 0
	}
	tail := len(text)
	if !last {
		tail = r.tail(text, 0)
	}
	for {
		if tail < done { // it was a part of the match
			tail = r.tail(text, done)
		}
		n := r.next(text, done)
		if n == nil || n.start >= tail {
			return done, tail
		}
		if len(r.out.Bytes) == 0 {
			r.out.Bytes = slices.Grow(r.out.Bytes, len(text))
		}
		r.out.Bytes = append(r.out.Bytes, text[done:n.start]...)
		r.out.Bytes = append(r.out.Bytes, n.fresh...)
		done = n.end
	}
}

// tail returns the first place in text, from low on, where an unfinished nonce
// starts, len(text) if none does.
func (r *Replacer) tail(text []byte, low int) int {
	for at := max(low, len(text)-r.longest+1); at < len(text); at++ {
		if !r.first[text[at]] {
			continue
		}
		for i := range r.needles {
			if _, unfinished := r.needles[i].read(text, at, 0); unfinished {
				return at
			}
		}
	}
	return len(text)
}

// next returns the needle that matches next from low on, nil if none does. low
// never falls from one call to the next on the same text.
func (r *Replacer) next(text []byte, low int) *needle {
	var best *needle
	for i := range r.needles {
		n := &r.needles[i]
		if n.start < low {
			n.find(text, low)
		}
		if n.start != nowhere && (best == nil || n.start < best.start ||
			n.start == best.start && len(n.plain) > len(best.plain)) {
			best = n
		}
	}
	return best
}

// find sets start and end to the first match that starts at low or behind it.
// Matches come in the order of their anchors.
func (n *needle) find(text []byte, low int) {
	n.from = max(n.from, low)
	for {
		i := bytes.Index(text[n.from:], n.anchor)
		if i < 0 {
			n.start, n.from = nowhere, len(text)
			return
		}
		anchor := n.from + i
		n.from = anchor + 1 // the next anchor may overlap this one
		start, ok := n.readBack(text[low:anchor])
		if !ok {
			continue
		}
		if end, _ := n.read(text, anchor+len(n.anchor), n.anchorAt+len(n.anchor)); end > 0 {
			n.start, n.end = low+start, end
			return
		}
	}
}

// read reads the characters of the nonce from the i-th on, at text[at:]. It
// returns where they end, 0 if they are not all there; then unfinished tells
// whether the end of text is what is in the way.
func (n *needle) read(text []byte, at, i int) (end int, unfinished bool) {
	for ; i < len(n.plain); i++ {
		if at == len(text) {
			return 0, true
		}
		if text[at] == n.plain[i] {
			at++
			continue
		}
		size := 0
		for _, form := range formsOf[n.plain[i]] {
			k := min(len(form), len(text)-at)
			if string(text[at:at+k]) != form[:k] {
				continue
			}
			if k < len(form) {
				return 0, true
			}
			size = k
			break
		}
		if size == 0 {
			return 0, false
		}
		at += size
	}
	return at, false
}

// readBack reads the characters in front of the anchor, of which text has to end
// with the last, and returns where the first one starts.
func (n *needle) readBack(text []byte) (start int, ok bool) {
	for i := n.anchorAt - 1; i >= 0; i-- {
		size := 0
		for _, form := range formsOf[n.plain[i]] {
			if len(text) >= len(form) && string(text[len(text)-len(form):]) == form {
				size = len(form) // before the character itself: \/ starts earlier than /
				break
			}
		}
		if size == 0 {
			if len(text) == 0 || text[len(text)-1] != n.plain[i] {
				return 0, false
			}
			size = 1
		}
		text = text[:len(text)-size]
	}
	return len(text), true
}

// An anchor is long enough to be rare, and short enough to be compared fast.
const (
	minAnchor = 4
	maxAnchor = 8
)

// maxZeros is the number of leading zeros up to which a numeric character
// reference is known. HTML has no limit; who writes any pads to four digits.
const maxZeros = 4

// formsOf has the encoded forms of each character of a nonce that is no letter
// and no digit, the longest first. Letters and digits have none: whoever
// encodes leaves them alone.
var formsOf = [256][]string{
	'+': forms("2b", "43", "&plus;"),
	'/': forms("2f", "47", "&sol;", `\/`),
	'=': forms("3d", "61", "&equals;"),
	'-': forms("2d", "45"), // &hyphen; and &dash; are U+2010, &minus; is U+2212
	'_': forms("5f", "95", "&lowbar;", "&UnderBar;"),
}

// forms returns the encoded forms of a character, given its code in hexadecimal
// and decimal, and more of them.
func forms(hex, decimal string, more ...string) []string {
	all := more
	for _, hex := range []string{hex, strings.ToUpper(hex)} {
		// A URL (RFC 3986 section 2.1), a JavaScript string (ECMA-262 section
		// 12.9.4), of which JSON knows the first only (RFC 8259 section 7).
		all = append(all, "%"+hex, `\u00`+hex, `\x`+hex)
	}
	for zeros := range maxZeros + 1 {
		// HTML section 13.2.5.75 and following. All that write them end them by ; .
		pad := strings.Repeat("0", zeros)
		all = append(all, "&#"+pad+decimal+";")
		for _, x := range []string{"&#x", "&#X"} {
			all = append(all, x+pad+hex+";", x+pad+strings.ToUpper(hex)+";")
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// rareFirst has the letters and digits, those that are rare in HTML first. The
// order matters for speed only: bytes.Index runs from one first byte of the
// anchor to the next.
const rareFirst = "QZXJKYVqWGUzHjBFRNOMLDPIETACS9876543kx2yw01vgbfumhpdlcniroaste"

// anchorOf returns what of the nonce a Replacer looks for: four to eight letters
// and digits in a row, that start with a rare one. size is 0 if there are none.
func anchorOf(nonce string) (at, size int) {
	best := len(rareFirst)
	run := 0 // letters and digits from i on
	for i := len(nonce) - 1; i >= 0; i-- {
		run++
		rarity := strings.IndexByte(rareFirst, nonce[i])
		if rarity < 0 {
			run = 0
		} else if run >= minAnchor && rarity < best {
			best, at, size = rarity, i, min(run, maxAnchor)
		}
	}
	return at, size
}
