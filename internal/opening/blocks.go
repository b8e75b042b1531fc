package opening

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/headstart-proxy/headstart/internal/document"
)

// A body is kept in blocks, each of them an item of the host, so that what bodies
// have in common is held once: of the responses of one page, and of the pages of a
// site. Where a block ends depends on the bytes in front of that place alone: after
// a difference the blocks of two bodies soon begin at the same places again.
const (
	minBlock  = 512     // bytes
	maxBlock  = 4 << 10 // bytes; from there on a block ends at the next point
	blockTail = 48      // bytes in front of a point that say whether a block ends there
	blockOdds = 48      // of so many points one is such a place
)

// encodeBody appends the numbers of the blocks of a body, as encode writes them.
func encodeBody(code []byte, host *Host, body document.Body, page uint32) []byte {
	start, first, marks := 0, 0, body.Marks
	for i, p := range body.Points {
		if i < len(body.Points)-1 && !endsBlock(body.Bytes[start:p.Offset]) {
			continue
		}
		n := 0
		for n < len(marks) && marks[n].Offset < p.Offset {
			n++
		}
		id, _ := host.share(encodeBlock(body.Bytes[start:p.Offset], start, body.Points[first:i+1], marks[:n]), true, page)
		code = binary.AppendUvarint(code, uint64(id)<<1|1)
		start, first, marks = p.Offset, i+1, marks[n:]
	}
	return code
}

// encodeBlock writes a block that begins at a place of its body: its length and its
// bytes, then how many points it has, for each how far it is behind the one before,
// and the same for the marks, with their traits. So a body need not be read again,
// which takes longer than all else.
func encodeBlock(b []byte, start int, points []document.Point, marks []document.Mark) []byte {
	block := make([]byte, 0, len(b)+2*len(points)+8*len(marks)+8)
	number := func(n int) { block = binary.AppendUvarint(block, uint64(n)) } //nolint:gosec // never negative
	number(len(b))
	block = append(block, b...)
	number(len(points))
	before := start
	for _, p := range points {
		number(p.Offset - before)
		before = p.Offset
	}
	before = start
	for _, m := range marks {
		number(m.Offset - before)
		number(int(m.Traits))
		before = m.Offset
	}
	return block
}

// decodeBody returns the body of blocks: its bytes, the offsets of its points, and its
// marks.
func decodeBody(blocks [][]byte) (body document.Body) {
	for _, block := range blocks {
		number := func() int {
			n, size := binary.Uvarint(block)
			block = block[size:]
			return int(n) //nolint:gosec // encodeBlock wrote it
		}
		start, length := len(body.Bytes), number()
		body.Bytes = append(body.Bytes, block[:length]...)
		block = block[length:]
		at := start
		for range number() {
			at += number()
			body.Points = append(body.Points, document.Point{Offset: at})
		}
		at = start
		for len(block) > 0 {
			at += number()
			body.Marks = append(body.Marks, document.Mark{Offset: at, Traits: document.Traits(number())}) //nolint:gosec // encodeBlock wrote it
		}
	}
	return body
}

// endsBlock reports whether a block ends behind bytes that end with a point.
func endsBlock(b []byte) bool {
	if len(b) < minBlock || len(b) >= maxBlock {
		return len(b) >= maxBlock
	}
	return maphash.Bytes(internSeed, b[len(b)-blockTail:])%blockOdds == 0
}

// trim gives up what the body holds behind its first n bytes, but for the rest of a
// block.
func (h *head) trim(n int) {
	host := h.frame.host
	size, kept := 0, int(h.items)
	host.mu.Lock()
	for id := range parts(h.code[h.items:]) {
		if size >= n {
			break
		}
		block, _ := binary.Uvarint(host.items.entries[id].raw)
		size += int(block) //nolint:gosec // the length of its bytes
		_, length := binary.Uvarint(h.code[kept:])
		kept += length
	}
	host.mu.Unlock()
	if kept < len(h.code) {
		host.release(ids(h.code[kept:]))
		h.code, h.sum = slices.Clone(h.code[:kept]), 0
	}
}
