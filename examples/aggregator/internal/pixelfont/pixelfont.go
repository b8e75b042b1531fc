// Package pixelfont makes a small TrueType font of 5 by 7 pixel letters, so
// that the example has a web font of its own to load.
//
// It writes the ten tables that browsers ask for, as the OpenType
// specification lays them out. Every run of pixels becomes one rectangle.
package pixelfont

import (
	"encoding/binary"
	"maps"
	"slices"
	"unicode"
)

// The grid of a glyph, in pixels, and the size of a pixel in font units.
const (
	Width  = 5
	Height = 7

	pixel   = 128
	em      = 1024
	advance = (Width + 1) * pixel
	ascent  = Height * pixel
	descent = em - ascent
)

// TrueType returns the font as a TrueType file with the given family name.
func TrueType(family string) []byte {
	characters := slices.Sorted(maps.Keys(glyphs))
	outlines := make([]outline, 0, 1+len(characters))
	outlines = append(outlines, draw(notdef))
	index := make(map[rune]uint16)
	for _, c := range characters {
		index[c] = uint16(len(outlines)) //nolint:gosec // a few dozen glyphs
		index[unicode.ToLower(c)] = index[c]
		outlines = append(outlines, draw(glyphs[c]))
	}
	glyf, loca := outlineTables(outlines)
	return assemble(map[string][]byte{
		"OS/2": os2Table(slices.Sorted(maps.Keys(index))),
		"cmap": cmapTable(index),
		"glyf": glyf,
		"head": headTable(),
		"hhea": hheaTable(len(outlines)),
		"hmtx": hmtxTable(outlines),
		"loca": loca,
		"maxp": maxpTable(outlines),
		"name": nameTable(family),
		"post": postTable(),
	})
}

// outline is a glyph as rectangles in font units, y upwards.
type outline []rectangle

type rectangle struct{ left, bottom, right, top int }

// draw joins the pixels of each row to as few rectangles as possible.
func draw(r rows) outline {
	var o outline
	for y, bits := range r {
		top := (Height - y) * pixel
		for x := 0; x < Width; x++ {
			start := x
			for x < Width && bits>>(Width-1-x)&1 == 1 {
				x++
			}
			if x > start {
				o = append(o, rectangle{start * pixel, top - pixel, x * pixel, top})
			}
		}
	}
	return o
}

// bounds is the smallest rectangle that holds o.
func (o outline) bounds() rectangle {
	if len(o) == 0 {
		return rectangle{}
	}
	b := o[0]
	for _, r := range o[1:] {
		b = rectangle{min(b.left, r.left), min(b.bottom, r.bottom), max(b.right, r.right), max(b.top, r.top)}
	}
	return b
}

// assemble joins the tables to a font file and fills in the check sums.
func assemble(tables map[string][]byte) []byte {
	const headerSize, recordSize = 12, 16
	tags := slices.Sorted(maps.Keys(tables))
	searchRange, entrySelector := searchParameters(len(tags))
	var header, body buffer
	header.u32(0x00010000) // TrueType outlines
	header.u16(len(tags))
	header.u16(searchRange * recordSize)
	header.u16(entrySelector)
	header.u16((len(tags) - searchRange) * recordSize)

	headAt := 0
	for _, tag := range tags {
		at := headerSize + recordSize*len(tags) + len(body)
		if tag == "head" {
			headAt = at
		}
		header.text(tag)
		header.u32(int(checksum(tables[tag])))
		header.u32(at)
		header.u32(len(tables[tag]))
		body = append(body, tables[tag]...)
		body.pad()
	}
	header.text(string(body))
	const adjustmentOffset = 8 // of checksumAdjustment in head
	binary.BigEndian.PutUint32(header[headAt+adjustmentOffset:], 0xb1b0afba-checksum(header))
	return header
}

// searchParameters returns the largest power of two up to n and its logarithm,
// which several tables state for binary search.
func searchParameters(n int) (power, logarithm int) {
	power = 1
	for power*2 <= n {
		power *= 2
		logarithm++
	}
	return power, logarithm
}

// checksum adds up b as big-endian words; a short last word is filled with 0.
func checksum(b []byte) uint32 {
	var sum uint32
	for word := range slices.Chunk(b, 4) {
		var full [4]byte
		copy(full[:], word)
		sum += binary.BigEndian.Uint32(full[:])
	}
	return sum
}

// buffer collects big-endian numbers. Negative ones are two's complement.
type buffer []byte

func (b *buffer) u16(v int) { *b = binary.BigEndian.AppendUint16(*b, uint16(v)) } //nolint:gosec // keeps the low bits
func (b *buffer) u32(v int) { *b = binary.BigEndian.AppendUint32(*b, uint32(v)) } //nolint:gosec // keeps the low bits

// u16s appends several 16-bit numbers.
func (b *buffer) u16s(values ...int) {
	for _, v := range values {
		b.u16(v)
	}
}

// text appends the bytes of s.
func (b *buffer) text(s string) { *b = append(*b, s...) }

// zeros appends n zero bytes.
func (b *buffer) zeros(n int) {
	for range n {
		*b = append(*b, 0)
	}
}

// pad fills up to a multiple of four bytes, where tables and glyphs start.
func (b *buffer) pad() {
	b.zeros(-len(*b) & 3)
}
