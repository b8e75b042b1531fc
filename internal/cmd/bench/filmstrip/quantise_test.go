package filmstrip

import (
	"bytes"
	"image"
	"image/color"
	"testing"
)

// paint makes a picture of a function.
func paint(width, height int, colour func(x, y int) color.RGBA) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetRGBA(x, y, colour(x, y))
		}
	}
	return picture
}

// farthest returns by how much a channel differs at most.
func farthest(a, b image.Image) (most int) {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := opaque(a.At(x, y)), opaque(b.At(x, y))
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				most = max(most, d, -d)
			}
		}
	}
	return most
}

func TestQuantise(t *testing.T) {
	for name, test := range map[string]struct {
		colour  func(x, y int) color.RGBA
		colours int // in the palette
		error   int // of a channel, at most
	}{
		"one colour": {
			colour:  func(int, int) color.RGBA { return color.RGBA{1, 2, 3, 255} },
			colours: 1,
		},
		"as many as a palette holds": {
			colour:  func(x, _ int) color.RGBA { return color.RGBA{uint8(x), 0, uint8(255 - x), 255} },
			colours: maxColours,
		},
		"more": {
			colour:  func(x, y int) color.RGBA { return color.RGBA{uint8(x), uint8(x + 3*(y%5)), uint8(x / 2), 255} },
			colours: maxColours,
			error:   12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			picture := paint(256, 20, test.colour)
			small := quantise(picture)
			if len(small.Palette) != test.colours {
				t.Errorf("%d colours, want %d", len(small.Palette), test.colours)
			}
			if e := farthest(picture, small); e > test.error {
				t.Errorf("a channel differs by %d, want %d at most", e, test.error)
			}
			if again := quantise(picture); !bytes.Equal(small.Pix, again.Pix) {
				t.Error("another picture the second time")
			}
		})
	}
}
