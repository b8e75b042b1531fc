package site

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A stylesheet of small classes, each of which does one thing, in the manner
// of the utility frameworks. As on many sites it is sent whole, with the
// classes that no page happens to use.

// rule is one class and its declarations.
type rule struct{ class, body string }

// breakpoints are the widths from which a class with that prefix applies.
var breakpoints = []struct{ name, width string }{
	{"sm", "40rem"}, {"md", "48rem"}, {"lg", "64rem"}, {"xl", "80rem"},
}

// scale are the steps of all spacing, in quarters of a rem.
var scale = []int{0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32}

// hues are the colours, by their angle in OKLCH.
var hues = []struct {
	name   string
	angle  int
	chroma float64
}{
	{"stone", 70, 0.01},
	{"red", 25, 0.16},
	{"amber", 75, 0.14},
	{"moss", 130, 0.12},
	{"teal", 190, 0.10},
	{"sky", 240, 0.12},
	{"plum", 310, 0.13},
}

// utilities returns the stylesheet.
func utilities() []byte {
	var css bytes.Buffer
	responsive := append(spacing(), layout()...)
	writeRules(&css, "", "", responsive)
	colours := colours()
	writeRules(&css, "", "", colours)
	writeRules(&css, "hover", ":hover", colours)
	for _, b := range breakpoints {
		fmt.Fprintf(&css, "@media (min-width: %s) {\n", b.width)
		writeRules(&css, b.name, "", responsive)
		css.WriteString("}\n")
	}
	return css.Bytes()
}

// writeRules writes rules with a prefix before the class names, such as md,
// and a pseudo-class after them.
func writeRules(css *bytes.Buffer, prefix, pseudo string, rules []rule) {
	escape := strings.NewReplacer("/", `\/`)
	if prefix != "" {
		prefix += `\:`
	}
	for _, r := range rules {
		fmt.Fprintf(css, ".%s%s%s { %s }\n", prefix, escape.Replace(r.class), pseudo, r.body)
	}
}

// rem is n steps of the scale as a CSS length.
func rem(n int) string {
	if n == 0 {
		return "0"
	}
	return strconv.FormatFloat(float64(n)/4, 'f', -1, 64) + "rem"
}

// spacing are margins, paddings and gaps.
func spacing() []rule {
	sides := []struct{ letter, suffix string }{
		{"", ""}, {"x", "-inline"}, {"y", "-block"}, {"t", "-top"}, {"r", "-right"}, {"b", "-bottom"}, {"l", "-left"},
	}
	var rules []rule
	for _, n := range scale {
		for _, side := range sides {
			rules = append(rules,
				rule{fmt.Sprintf("m%s-%d", side.letter, n), fmt.Sprintf("margin%s: %s", side.suffix, rem(n))},
				rule{fmt.Sprintf("p%s-%d", side.letter, n), fmt.Sprintf("padding%s: %s", side.suffix, rem(n))},
			)
		}
		rules = append(rules,
			rule{fmt.Sprintf("gap-%d", n), "gap: " + rem(n)},
			rule{fmt.Sprintf("w-%d", n), "width: " + rem(n)},
			rule{fmt.Sprintf("max-w-%d", n), "max-width: " + rem(n)},
			rule{fmt.Sprintf("h-%d", n), "height: " + rem(n)},
		)
	}
	return append(rules, rule{"mx-auto", "margin-inline: auto"}, rule{"ml-auto", "margin-left: auto"})
}

// layout are display, flex, grid, sizes and type.
func layout() []rule {
	rules := []rule{
		{"block", "display: block"},
		{"inline", "display: inline"},
		{"inline-block", "display: inline-block"},
		{"flex", "display: flex"},
		{"inline-flex", "display: inline-flex"},
		{"grid", "display: grid"},
		{"hidden", "display: none"},
		{"flex-row", "flex-direction: row"},
		{"flex-col", "flex-direction: column"},
		{"flex-wrap", "flex-wrap: wrap"},
		{"flex-1", "flex: 1 1 0%"},
		{"grow", "flex-grow: 1"},
		{"shrink-0", "flex-shrink: 0"},
		{"items-start", "align-items: flex-start"},
		{"items-center", "align-items: center"},
		{"items-baseline", "align-items: baseline"},
		{"justify-between", "justify-content: space-between"},
		{"justify-center", "justify-content: center"},
		{"relative", "position: relative"},
		{"sticky", "position: sticky"},
		{"w-full", "width: 100%"},
		{"max-w-prose", "max-width: 65ch"},
		{"max-w-wide", "max-width: 80rem"},
		{"rounded", "border-radius: 0.375rem"},
		{"rounded-full", "border-radius: 9999px"},
		{"border", "border-width: 1px; border-style: solid"},
		{"border-b", "border-bottom-width: 1px; border-bottom-style: solid"},
		{"shadow", "box-shadow: 0 1px 3px rgb(0 0 0 / 0.15)"},
		{"truncate", "overflow: hidden; text-overflow: ellipsis; white-space: nowrap"},
		{"text-left", "text-align: left"},
		{"text-center", "text-align: center"},
		{"font-normal", "font-weight: 400"},
		{"font-bold", "font-weight: 700"},
		{"leading-tight", "line-height: 1.25"},
		{"leading-loose", "line-height: 1.75"},
		{"no-underline", "text-decoration: none"},
		{"list-none", "list-style: none"},
	}
	for i, size := range []string{"xs", "sm", "base", "lg", "xl", "2xl", "3xl", "4xl"} {
		sizes := []string{"0.75", "0.875", "1", "1.125", "1.25", "1.5", "1.875", "2.25"}
		rules = append(rules, rule{"text-" + size, "font-size: " + sizes[i] + "rem"})
	}
	for n := 1; n <= 12; n++ {
		rules = append(rules,
			rule{fmt.Sprintf("grid-cols-%d", n), fmt.Sprintf("grid-template-columns: repeat(%d, minmax(0, 1fr))", n)},
			rule{fmt.Sprintf("col-span-%d", n), fmt.Sprintf("grid-column: span %d / span %d", n, n)},
			rule{fmt.Sprintf("w-%d/12", n), fmt.Sprintf("width: calc(100%% * %d / 12)", n)},
		)
	}
	return rules
}

// colours are text, background and border colours in nine shades, light to
// dark.
func colours() []rule {
	var rules []rule
	for _, h := range hues {
		for shade := 1; shade <= 9; shade++ {
			lightness := 100 - 9*shade
			value := fmt.Sprintf("oklch(%d%% %g %d)", lightness, h.chroma, h.angle)
			for _, p := range []struct{ class, property string }{
				{"text", "color"}, {"bg", "background-color"}, {"border", "border-color"},
			} {
				rules = append(rules, rule{
					fmt.Sprintf("%s-%s-%d00", p.class, h.name, shade),
					p.property + ": " + value,
				})
			}
		}
	}
	return rules
}
