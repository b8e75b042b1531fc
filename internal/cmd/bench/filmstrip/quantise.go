package filmstrip

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// maxColours is how many a palette of PNG holds.
const maxColours = 256

// quantise returns a picture with a palette: a third of the bytes, and hardly another
// look, since pages are mostly text in a few colours. The palette is by median cut: the
// colours are in one box at first, and the box with the most pixels and width is cut
// into two until there are enough.
func quantise(picture image.Image) *image.Paletted {
	bounds := picture.Bounds()
	count := make(map[color.RGBA]int)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[opaque(picture.At(x, y))]++
		}
	}
	var all box
	for c, n := range count {
		all.colours = append(all.colours, shade{[3]uint8{c.R, c.G, c.B}, n})
	}
	// In a fixed order, so that the same picture becomes the same bytes.
	slices.SortFunc(all.colours, func(a, b shade) int { return slices.Compare(a.rgb[:], b.rgb[:]) })
	boxes := []box{all}
	for len(boxes) < min(maxColours, len(all.colours)) {
		widest := 0
		for i := range boxes {
			if boxes[i].weight() > boxes[widest].weight() {
				widest = i
			}
		}
		a, b := boxes[widest].cut()
		boxes[widest] = a
		boxes = append(boxes, b)
	}

	small := image.NewPaletted(bounds, nil)
	index := make(map[color.RGBA]uint8)
	for i, b := range boxes {
		small.Palette = append(small.Palette, b.mean())
		for _, c := range b.colours {
			index[color.RGBA{c.rgb[0], c.rgb[1], c.rgb[2], 255}] = uint8(i)
		}
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			small.SetColorIndex(x, y, index[opaque(picture.At(x, y))])
		}
	}
	return small
}

func opaque(c color.Color) color.RGBA {
	rgba := color.RGBAModel.Convert(c).(color.RGBA) // the model makes no other
	rgba.A = 255
	return rgba
}

// A shade is a colour of the picture, and how many pixels have it.
type shade struct {
	rgb    [3]uint8
	pixels int
}

// A box is a part of the colours, one or more.
type box struct{ colours []shade }

// widest returns the channel in which the colours differ most, and by how much.
func (b box) widest() (channel, width int) {
	for i := range 3 {
		low, high := 255, 0
		for _, c := range b.colours {
			low, high = min(low, int(c.rgb[i])), max(high, int(c.rgb[i]))
		}
		if high-low > width {
			channel, width = i, high-low
		}
	}
	return channel, width
}

// weight says how much is gained by cutting the box: 0 if it has one colour.
func (b box) weight() int {
	_, width := b.widest()
	return width * b.pixels()
}

func (b box) pixels() (n int) {
	for _, c := range b.colours {
		n += c.pixels
	}
	return n
}

// cut cuts a box with two colours or more where half of its pixels are on either side.
func (b box) cut() (low, high box) {
	channel, _ := b.widest()
	slices.SortStableFunc(b.colours, func(a, b shade) int { return cmp.Compare(a.rgb[channel], b.rgb[channel]) })
	half, at := b.pixels()/2, 1
	for sum := b.colours[0].pixels; at < len(b.colours)-1 && sum+b.colours[at].pixels <= half; at++ {
		sum += b.colours[at].pixels
	}
	return box{b.colours[:at:at]}, box{b.colours[at:]}
}

// mean returns the colour that stands for a box.
func (b box) mean() color.RGBA {
	var sum [3]int
	for _, c := range b.colours {
		for i := range sum {
			sum[i] += int(c.rgb[i]) * c.pixels
		}
	}
	n := b.pixels()
	return color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 255} //nolint:gosec // means of bytes
}
