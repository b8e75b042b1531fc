package pixelfont

import (
	"maps"
	"slices"
	"unicode/utf16"
)

const (
	flagOnCurve    = 1
	lastCharacter  = 0xffff
	missingGlyphID = 0
)

// outlineTables returns glyf, the outlines one after the other, and loca,
// where each of them starts.
func outlineTables(outlines []outline) (glyf, loca []byte) {
	var shapes, starts buffer
	for _, o := range outlines {
		starts.u32(len(shapes))
		if len(o) == 0 {
			continue // an empty glyph has no bytes at all
		}
		box := o.bounds()
		shapes.u16s(len(o), box.left, box.bottom, box.right, box.top)
		for i := range o {
			shapes.u16(4*i + 3) // the last point of contour i
		}
		shapes.u16(0) // no instructions
		for range 4 * len(o) {
			shapes = append(shapes, flagOnCurve)
		}
		// Points go clockwise from the lower left; coordinates are relative to
		// the point before.
		x := []int{}
		y := []int{}
		for _, r := range o {
			x = append(x, r.left, r.left, r.right, r.right)
			y = append(y, r.bottom, r.top, r.top, r.bottom)
		}
		for _, coordinates := range [][]int{x, y} {
			last := 0
			for _, c := range coordinates {
				shapes.u16(c - last)
				last = c
			}
		}
		shapes.pad()
	}
	starts.u32(len(shapes))
	return shapes, starts
}

// cmapTable maps characters to glyphs with one segment per character (format
// 4), which suits a font of this size.
func cmapTable(index map[rune]uint16) []byte {
	characters := slices.Sorted(maps.Keys(index))
	segments := len(characters) + 1 // and the closing one
	power, logarithm := searchParameters(segments)

	var ends, starts, deltas, offsets buffer
	for _, c := range characters {
		ends.u16(int(c))
		starts.u16(int(c))
		deltas.u16(int(index[c]) - int(c))
		offsets.u16(0)
	}
	ends.u16(lastCharacter)
	starts.u16(lastCharacter)
	deltas.u16(missingGlyphID - lastCharacter)
	offsets.u16(0)

	var b buffer
	const subtables, subtableAt = 2, 4 + 2*8
	b.u16s(0, subtables)
	b.u16s(0, 3) // Unicode
	b.u32(subtableAt)
	b.u16s(3, 1) // Windows, Unicode
	b.u32(subtableAt)
	b.u16s(4, 16+8*segments, 0) // format, length, language
	b.u16s(2*segments, 2*power, logarithm, 2*(segments-power))
	b = append(b, ends...)
	b.u16(0) // padding that the format asks for
	b = append(b, starts...)
	b = append(b, deltas...)
	return append(b, offsets...)
}

func headTable() []byte {
	var b buffer
	b.u16s(1, 0)         // version
	b.u32(0x00010000)    // revision of the font
	b.u32(0)             // checksumAdjustment, set by assemble
	b.u32(0x5f0f3cf5)    // magic number
	b.u16s(0, em)        // flags, units per em
	b.u32(0)             // created, high word
	b.u32(0)             // created
	b.u32(0)             // modified, high word
	b.u32(0)             // modified
	b.u16s(0, 0)         // xMin, yMin
	b.u16(Width * pixel) // xMax
	b.u16(ascent)        // yMax
	b.u16s(0, 8, 2)      // style, smallest readable size, direction
	b.u16s(1, 0)         // loca has 32-bit offsets; glyf format
	return b
}

func hheaTable(glyphCount int) []byte {
	var b buffer
	b.u16s(1, 0)                      // version
	b.u16s(ascent, -descent, 0)       // and line gap
	b.u16s(advance, 0, 0)             // widest advance, least side bearings
	b.u16s(Width*pixel, 1, 0, 0)      // extent, upright caret
	b.u16s(0, 0, 0, 0, 0, glyphCount) // reserved, format, number of metrics
	return b
}

func hmtxTable(outlines []outline) []byte {
	var b buffer
	for _, o := range outlines {
		b.u16s(advance, o.bounds().left)
	}
	return b
}

func maxpTable(outlines []outline) []byte {
	contours := 0
	for _, o := range outlines {
		contours = max(contours, len(o))
	}
	var b buffer
	b.u32(0x00010000)
	b.u16s(len(outlines), 4*contours, contours)
	b.u16s(0, 0)             // no composite glyphs
	b.u16s(2, 0, 0, 0, 0, 0) // zones, and no instructions
	b.u16s(0, 0, 0)          // size of instructions, component limits
	return b
}

// nameTable names the font for the Windows platform in US English.
func nameTable(family string) []byte {
	const platform, encoding, language = 3, 1, 0x409
	names := []struct {
		id   int
		text string
	}{
		{1, family},
		{2, "Regular"},
		{3, family + " Regular 1.0"},
		{4, family},
		{5, "Version 1.0"},
		{6, family + "-Regular"},
	}
	const headerSize, recordSize = 6, 12
	var b, text buffer
	b.u16s(0, len(names), headerSize+recordSize*len(names))
	for _, name := range names {
		start := len(text)
		for _, unit := range utf16.Encode([]rune(name.text)) {
			text.u16(int(unit))
		}
		b.u16s(platform, encoding, language, name.id, len(text)-start, start)
	}
	b.text(string(text))
	return b
}

// os2Table states the metrics again, for Windows. characters are sorted.
func os2Table(characters []rune) []byte {
	first, last := int(characters[0]), int(characters[len(characters)-1])
	var b buffer
	b.u16s(4, advance, 400, 5, 0)                 // version, average width, regular weight and width, may be embedded
	b.u16s(em/2, em/2, 0, 0, em/2, em/2, 0, em/2) // subscript and superscript
	b.u16s(pixel/2, ascent/2, 0)                  // strike-out, no family class
	b.zeros(10)                                   // panose: any
	b.u32(1)                                      // Basic Latin
	b.zeros(12)                                   // no other range
	b.text("NONE")                                // vendor
	b.u16s(1<<6, first, last)                     // regular
	b.u16s(ascent, -descent, 0, ascent, descent)  // typographic and Windows metrics
	b.u32(1)                                      // code page Latin 1
	b.u32(0)                                      // no other
	b.u16s(5*pixel, ascent, 0, ' ', 1)            // x-height, cap height, default and break character, context
	return b
}

func postTable() []byte {
	var b buffer
	b.u32(0x00030000)       // no glyph names
	b.u32(0)                // upright
	b.u16s(-pixel, pixel/2) // underline
	b.zeros(20)
	return b
}
