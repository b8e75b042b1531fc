package opening

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/headstart-proxy/headstart/internal/csp"
)

// minNonce is the least length of the nonces that we send: 128 bits.
const minNonce = 22

// neutral stand in openings for nonces. They are secret, and never sent.
var neutral = func() (n [csp.MaxNonces]string) {
	for i := range n {
		n[i] = csp.Fresh(csp.MaxNonce)
	}
	return n
}()

// Neutral returns what stands in an opening for nonces of one response.
func Neutral(nonces []string) []string {
	return replacements(nonces, func(i, n int) string { return neutral[i][:n] })
}

// Fresh returns nonces for one committed response, in the place of others.
func Fresh(nonces []string) []string {
	return replacements(nonces, func(_, n int) string { return csp.Fresh(n) })
}

func replacements(nonces []string, make func(i, n int) string) []string {
	if len(nonces) == 0 {
		return nil
	}
	out := slices.Clone(nonces)
	for i, nonce := range nonces {
		out[i] = make(i, max(len(nonce), minNonce))
	}
	return out
}

// withNonces are the headers that hold nonces.
var withNonces = []string{csp.Enforce, csp.ReportOnly, "Link"}

// Nonces returns the nonces of the policies, and whether they are fit to be
// replaced.
func (h Headers) Nonces() (nonces []string, ok bool) {
	return csp.Nonces(slices.Concat(h.Values(csp.Enforce), h.Values(csp.ReportOnly)))
}

// Neutral returns the headers as an opening holds them, and the nonces that were
// taken out. If ok is false they are not fit for that, and the headers stay.
func (h Headers) Neutral() (neutral Headers, nonces []string, ok bool) {
	nonces, ok = h.Nonces()
	return h.Replace(nonces, Neutral(nonces)), nonces, ok
}

// Replace returns the headers with other nonces.
func (h Headers) Replace(from, to []string) Headers {
	if len(from) == 0 {
		return h
	}
	out := slices.Clone(h)
	for i, f := range out {
		if !slices.Contains(withNonces, f.name) {
			continue
		}
		out[i].values = ReplaceNonces(f.values, from, to)
	}
	return out
}

// ReplaceNonces returns header values with other nonces.
func ReplaceNonces(values, from, to []string) []string {
	if len(from) == 0 {
		return values
	}
	r := csp.NewReplacer(from, to)
	defer r.Close()
	out := slices.Clone(values)
	for i, value := range out {
		out[i] = r.ReplaceString(value)
	}
	return out
}

// replaceAll returns b with other nonces.
func replaceAll(b []byte, from, to []string) []byte {
	if len(from) == 0 {
		return b
	}
	r := csp.NewReplacer(from, to)
	defer r.Close()
	out := bytes.Clone(r.Next(b))
	return append(out, r.End()...)
}

// Replace returns e with other nonces of the same lengths, for one response. Free ends its
// use.
func (e *Early) Replace(from, to []string) *Early {
	if len(from) == 0 {
		return e
	}
	c := *e
	c.own.Borrow()
	c.own.Bytes = append(c.own.Bytes, e.Sequence.Bytes...)
	sequence := c.own.Bytes
	exchange(sequence, e.places, to)
	c.Sequence = e.Sequence.With(sequence)
	if size := e.Sequence.Size(e.Sent); len(e.Bytes) == size {
		c.Bytes = sequence[:size:size]
	} else { // padded, and short
		c.Bytes = bytes.Clone(e.Bytes)
		exchange(c.Bytes, placesOf(c.Bytes, from), to)
	}
	return &c
}

// Free takes Bytes and Sequence away from what Replace returned.
func (e *Early) Free() {
	if e.own.Bytes != nil {
		e.own.Return()
		e.Bytes, e.Sequence = nil, nil
	}
}

// place is where something stands for a nonce, and for which one.
type place struct{ at, nonce int }

// placesOf finds them. An opening is searched once, not for each response.
func placesOf(b []byte, nonces []string) (places []place) {
	for i, nonce := range nonces {
		for from := 0; ; {
			at := bytes.Index(b[from:], []byte(nonce))
			if at < 0 {
				break
			}
			places = append(places, place{from + at, i})
			from += at + len(nonce)
		}
	}
	return places
}

// exchange puts other nonces of the same lengths into b.
func exchange(b []byte, places []place, to []string) {
	for _, p := range places {
		copy(b[p.at:], to[p.nonce])
	}
}

var nonceSeed = maphash.MakeSeed()

// sumOf is a hash by which nonces that repeat are found.
func sumOf(nonces []string) uint64 {
	var h maphash.Hash
	h.SetSeed(nonceSeed)
	for _, nonce := range nonces {
		_, _ = h.WriteString(nonce)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
