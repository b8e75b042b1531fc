package opening

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"unsafe"

	"github.com/headstart-proxy/headstart/internal/document"
)

// head is what one response showed of a page, in little memory: there may be a
// million of them. It is never changed but for votes and sum, and by trim.
type head struct {
	code  []byte // the items and blocks, see encode
	frame *frame
	items uint32 // the first so many bytes of code are for items
	sum   uint64 // of the response that it was made of, see Observation; 0 if it is not all there
	whole bool   // the items are all of the document's head
	votes uint8  // how many of the page's votes are for it; Page.mu protects it
}

// encode writes items as numbers: an odd one names an item of the host, an even
// one is the length of bytes that follow.
func encode(host *Host, items []document.Item, page uint32) []byte {
	var code []byte
	for _, item := range items {
		if id, shared := host.share(item.Raw, item.Has(document.Styles|document.Script), page); shared {
			code = binary.AppendUvarint(code, uint64(id)<<1|1)
			continue
		}
		code = binary.AppendUvarint(code, uint64(len(item.Raw))<<1)
		code = append(code, item.Raw...)
	}
	return code
}

// decode returns the items of a head and its body. The items are read anew from their
// bytes, all at once: that is the document up to its last item.
func (h *head) decode() (items []document.Item, body document.Body) {
	h.frame.host.mu.Lock()
	raws := h.raws(parts(h.code[:h.items]))
	blocks := h.raws(parts(h.code[h.items:]))
	h.frame.host.mu.Unlock()
	items = document.ScanHead(slices.Concat(raws...), true).Items
	alike := slices.EqualFunc(items, raws, func(item document.Item, raw []byte) bool { return len(item.Raw) == len(raw) })
	if !alike {
		return nil, document.Body{} // it cannot be: then nothing is sent
	}
	return items, decodeBody(blocks)
}

// raws returns the bytes of parts. The host is locked.
func (h *head) raws(all iter.Seq2[uint32, []byte]) [][]byte {
	raws := make([][]byte, 0, 32)
	for id, raw := range all {
		if raw == nil {
			raw = h.frame.host.items.entries[id].raw
		}
		raws = append(raws, raw)
	}
	return raws
}

// ids returns the host's items that the code of a head names.
func ids(code []byte) []uint32 {
	ids := make([]uint32, 0, 32)
	for id, raw := range parts(code) {
		if raw == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// parts yields for each item in code its id, or its bytes if the page has it for
// itself.
func parts(code []byte) iter.Seq2[uint32, []byte] {
	return func(yield func(uint32, []byte) bool) {
		for len(code) > 0 {
			n, size := binary.Uvarint(code)
			code = code[size:]
			if n&1 == 1 {
				if !yield(uint32(n>>1), nil) { //nolint:gosec // encode wrote it
					return
				}
				continue
			}
			if !yield(0, code[:n>>1:n>>1]) {
				return
			}
			code = code[n>>1:]
		}
	}
}

// newHead makes a head of an observation.
func newHead(host *Host, o *Observation, page uint32) *head {
	code := encode(host, o.Items, page)
	items := uint32(len(code)) //nolint:gosec // no more than max_opening
	code = slices.Clip(encodeBody(code, host, o.Body, page))
	return &head{code: code, frame: host.frame(o, page), items: items, sum: o.sum, whole: o.whole}
}

// close gives up what the head shares with other pages.
func (h *head) close() {
	h.frame.host.release(ids(h.code))
	h.frame.host.releaseFrame(h.frame)
}

// equal reports whether two heads of one page are alike.
func (h *head) equal(g *head) bool {
	return bytes.Equal(h.code, g.code) && h.items == g.items && h.frame == g.frame && h.whole == g.whole
}

// size is roughly what the head takes in memory, in bytes.
func (h *head) size() int { return headSize + len(h.code) }

const headSize = int(unsafe.Sizeof(head{}))
