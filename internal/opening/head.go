package opening

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/headstart-proxy/headstart/internal/document"
)

// head is what one response showed of a page, in little memory: there may be a
// million of them. It is never changed but for votes.
type head struct {
	code  []byte // the items, see encode
	frame *frame
	whole bool  // the items are all of the document's head
	votes uint8 // how many of the page's votes are for it; Page.mu protects it
}

// encode writes items as numbers: an odd one names an item of the host, an even
// one is the length of bytes that follow.
func encode(host *Host, items []document.Item, page uint32) []byte {
	var code []byte
	for _, item := range items {
		if id, shared := host.share(item, page); shared {
			code = binary.AppendUvarint(code, uint64(id)<<1|1)
			continue
		}
		code = binary.AppendUvarint(code, uint64(len(item.Raw))<<1)
		code = append(code, item.Raw...)
	}
	return slices.Clip(code)
}

// decode returns the items of a head. They are read anew from their bytes, all at
// once: that is the document up to its last item.
func (h *head) decode() []document.Item {
	raws := make([][]byte, 0, 32)
	h.frame.host.mu.Lock()
	for id, raw := range h.parts() {
		if raw == nil {
			raw = h.frame.host.items.entries[id].raw
		}
		raws = append(raws, raw)
	}
	h.frame.host.mu.Unlock()
	items := document.ScanHead(slices.Concat(raws...), true).Items
	alike := slices.EqualFunc(items, raws, func(item document.Item, raw []byte) bool { return len(item.Raw) == len(raw) })
	if !alike {
		return nil // it cannot be: then nothing is sent
	}
	return items
}

// ids returns the host's items that the head holds.
func (h *head) ids() []uint32 {
	ids := make([]uint32, 0, 32)
	for id, raw := range h.parts() {
		if raw == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// parts yields for each item its id, or its bytes if the page has it for itself.
func (h *head) parts() func(yield func(id uint32, raw []byte) bool) {
	return func(yield func(uint32, []byte) bool) {
		for code := h.code; len(code) > 0; {
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
	return &head{code: encode(host, o.Items, page), frame: host.frame(o, page), whole: o.whole}
}

// close gives up what the head shares with other pages.
func (h *head) close() {
	h.frame.host.release(h.ids())
	h.frame.host.releaseFrame(h.frame)
}

// equal reports whether two heads of one page are alike.
func (h *head) equal(g *head) bool {
	return bytes.Equal(h.code, g.code) && h.frame == g.frame && h.whole == g.whole
}

// size is roughly what the head takes in memory, in bytes.
func (h *head) size() int { return headSize + len(h.code) }

const headSize = int(unsafe.Sizeof(head{}))
