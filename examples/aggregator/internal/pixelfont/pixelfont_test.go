package pixelfont

import (
	"encoding/binary"
	"testing"
)

// table finds a table by its tag in the directory of a font file.
func table(t *testing.T, font []byte, tag string) []byte {
	t.Helper()
	for i := range int(binary.BigEndian.Uint16(font[4:])) {
		record := font[12+16*i:]
		if string(record[:4]) != tag {
			continue
		}
		at, size := binary.BigEndian.Uint32(record[8:]), binary.BigEndian.Uint32(record[12:])
		if at%4 != 0 {
			t.Errorf("table %s starts at %d, which is not a multiple of 4", tag, at)
		}
		return font[at : at+size]
	}
	t.Fatalf("no table %s", tag)
	return nil
}

func TestCheckSumOfTheFile(t *testing.T) {
	if got := checksum(TrueType("Test")); got != 0xb1b0afba {
		t.Errorf("the file adds up to %#x, want %#x", got, 0xb1b0afba)
	}
}

func TestTablesHaveTheirFixedSizes(t *testing.T) {
	font := TrueType("Test")
	for tag, want := range map[string]int{"head": 54, "hhea": 36, "maxp": 32, "OS/2": 96, "post": 32} {
		if got := len(table(t, font, tag)); got != want {
			t.Errorf("table %s has %d bytes, want %d", tag, got, want)
		}
	}
}

// TestCharacterMapFindsTheOutline follows a letter through cmap, loca and glyf.
func TestCharacterMapFindsTheOutline(t *testing.T) {
	font := TrueType("Test")
	u16 := func(b []byte, i int) int { return int(binary.BigEndian.Uint16(b[2*i:])) }

	cmap := table(t, font, "cmap")
	segments := cmap[binary.BigEndian.Uint32(cmap[8:]):]
	count := u16(segments, 3) / 2
	glyph := func(c int) int {
		for i := range count {
			if end := u16(segments, 7+i); end == c {
				return (c + u16(segments, 7+1+2*count+i)) & 0xffff
			}
		}
		return 0
	}
	if glyph('l') == 0 || glyph('l') != glyph('L') {
		t.Fatalf("glyphs of l and L: %d, %d; want the same one", glyph('l'), glyph('L'))
	}
	if glyph('€') != 0 {
		t.Errorf("glyph of a character that is not drawn: %d, want 0", glyph('€'))
	}

	loca := table(t, font, "loca")
	start := binary.BigEndian.Uint32(loca[4*glyph('L'):])
	shape := table(t, font, "glyf")[start:]
	// Six rows of one pixel and a row of five.
	if contours, right, top := u16(shape, 0), u16(shape, 3), u16(shape, 4); contours != 7 || right != 5*pixel || top != 7*pixel {
		t.Errorf("L has %d contours up to %d, %d; want 7 up to %d, %d", contours, right, top, 5*pixel, 7*pixel)
	}
}
