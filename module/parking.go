package module

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/headstart-proxy/headstart/internal/buffer"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// errCutShort is the end of a response that is not as long as it said.
var errCutShort = errors.New("response is shorter or longer than its Content-Length")

// claim is what the reload must have in common with this request, as it came, to
// collect its response.
func (x *exchange) claim() recovery.Visit {
	return recovery.Visit{
		Key:     string(x.key[:]),
		Target:  x.pageURL().RequestURI(),
		Cookies: strings.Join(x.cookies, "; "),
	}
}

// park keeps the response at hand for the reload that is about to come, and
// returns its ticket. Nothing is parked if no script can set the marker cookie, or
// if there is no response, or no room.
func (j *joiner) park() (ticket string) {
	x := j.x
	if !j.early.permission.Script || x.status == 0 || j.raw.lost {
		return recovery.NoTicket
	}
	header := j.header.Clone()
	dropWishes(header, j.commitment.base[headerWishes])
	for name := range j.commitment.base {
		if _, kept := header[name]; !kept {
			header[name] = nil // an outer handler will set it again
		}
	}
	j.parked, ticket = x.h.state.lot.Park(x.claim(), x.status, header, x.cancel)
	if j.parked == nil {
		return recovery.NoTicket
	}
	x.detach() // the visitor leaves for the reload
	for _, part := range j.raw.parts() {
		_, _ = j.parked.Write(part)
	}
	return ticket
}

// endParked tells the parked response how it ended.
func (j *joiner) endParked(err error) {
	if j.parked == nil {
		return
	}
	if err == nil && j.declared >= 0 && j.received != j.declared {
		err = errCutShort
	}
	j.parked.Close(trailers(j.header), err)
}

// trailers returns the trailer fields of a header map: those with the prefix, and
// those that were announced; nil if there are none.
func trailers(h http.Header) (out http.Header) {
	var announced []string
	for _, value := range h["Trailer"] {
		for name := range strings.SplitSeq(value, ",") {
			announced = append(announced, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	for name, values := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) || slices.Contains(announced, name) {
			if out == nil {
				out = make(http.Header)
			}
			out[name] = values
		}
	}
	return out
}

// collect answers a reload with the response that was parked for it.
func (x *exchange) collect(w http.ResponseWriter) error {
	x.status = x.parked.Status()
	if err := x.parked.Serve(x.r.Context(), w); err != nil {
		x.h.logger.Debug(fmt.Sprintf("parked response: %v", err))
		panic(http.ErrAbortHandler) // its header is written
	}
	return nil
}

// maxKept is how much of a body is kept before it is clear whether it has to be
// parked, in bytes: as much as can be parked, and sent early.
const maxKept = 1 << 20

// kept are the backend's own bytes so far, as long as the response may still have
// to be parked. The chunk at hand is only copied if it is needed when the next one
// comes: most responses are joined in the chunk in which their opening ends.
type kept struct {
	buffer.Buffer
	hand []byte // the chunk at hand, which follows
	lost bool   // there were too many
}

// take takes the next chunk in hand.
func (k *kept) take(p []byte) {
	k.lost = k.lost || len(k.Bytes)+len(p) > maxKept
	if k.lost {
		k.free()
		return
	}
	k.hand = p
}

// store makes the chunk at hand last.
func (k *kept) store() {
	if len(k.hand) == 0 {
		return
	}
	k.Borrow()
	k.Bytes, k.hand = append(k.Bytes, k.hand...), nil
}

// parts are all the bytes so far.
func (k *kept) parts() [2][]byte { return [2][]byte{k.Bytes, k.hand} }

// free forgets the bytes, but not that there were too many.
func (k *kept) free() {
	k.Return()
	k.hand = nil
}
