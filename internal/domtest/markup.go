package domtest

import (
	"regexp"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Markup generates contents of a body: well-formed markup with elements of all
// kinds, nested a few deep, and with the end tags left out that may be. It is
// what good pages are made of; [MutateMarkup] makes bad ones of it.
func Markup() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		w := writer{t: t}
		for range 1 + below(t, 5) {
			w.fill('b', 1+below(t, 4))
		}
		return w.String()
	})
}

// attributeTexts are what stands behind a tag's name.
var attributeTexts = []string{
	"", "", "", "", "", "", "", "", ` class="a b"`, ` id=x`, ` data-x='>'`, ` title="&lt;p&gt;"`, ` onclick="f()"`, ` nonce=n1`, " hidden",
}

// shapes are what is written for an element. In a shape, {b} stands for blocks,
// {i} for what may stand in a paragraph, {t} for text, {l} for list items, {d} for
// terms, {r} for rows, {c} for cells, {o} for options, {v} for parts of an svg and
// @ for attributes.
var (
	inlineShapes = []string{
		"<b@>{i}</b>", "<em@>{i}</em>", "<strong>{i}</strong>", "<code>{t}</code>", "<font size=1>{i}</font>", "<small>{i}</small>",
		"<span@>{i}</span>", "<span@>{i}</span>", "<label@>{i}</label>", "<x-y@>{i}</x-y>", "<a@ href=/>{t}</a>", "<a@>{t}<b>{t}</b></a>",
		"<br>", "<br/>", "<img src=x@>", "<input@>", "<input type=hidden name=a value=b>", "<wbr>", "<meta itemprop=x content=y>", "<link rel=stylesheet href=a.css>",
		"<!-- {t} -->", "<!---->", "<!--<p>-->", "<button@>{t}</button>", "<svg@>{v}</svg>", "<svg/>",
		"<select@>{o}</select>", "<textarea@>\n<p>{t}</textarea>", "<datalist>{o}</datalist>", "<ruby>{t}<rt>{t}<rp>{t}</ruby>",
		"<ruby>{t}<rt>{t}</rt></ruby>", "<script>if(a<b)f('</p>')</script>", "<script async src=x></script>", "<script><!-- <script> </script> --></script>",
		"<style>p>a{}</style>", "<iframe src=x></iframe>", "<noscript><img src=x></noscript>", "<noscript>{i}</noscript>",
		"<template>{b}</template>", "<template><tr><td>{i}</td></tr></template>", "<template><li>{t}</template>",
		"<video@><source src=a><track src=b>{t}</video>", "<abbr>{i}</abbr>", "<nobr>{t}</nobr>", "<del>{i}</del>",
	}
	blockShapes = []string{
		"<div@>{b}</div>", "<div@>{b}</div>", "<div@>{i}</div>", "<section@>{b}</section>", "<nav>{b}</nav>", "<main>{b}</main>", "<header>{b}</header>",
		"<p@>{i}</p>", "<p@>{i}</p>", "<p>{i}", "<h1@>{i}</h1>", "<h2>{i}</h2>", "<pre@>{t}</pre>", "<pre>\n{t}</pre>",
		"<ul@>{l}</ul>", "<ol>{l}</ol>", "<dl>{d}</dl>", "<form@>{b}</form>", "<fieldset><legend>{i}</legend>{b}</fieldset>",
		"<details><summary>{i}</summary>{b}</details>", "<dialog>{b}</dialog>", "<address>{b}</address>", "<blockquote>{b}</blockquote>",
		"<hr>", "<table@>{r}</table>", "<table><caption>{i}</caption>{r}</table>", "<table><colgroup><col><col></colgroup>{r}</table>",
		"<table><col>{r}</table>", "<table> <thead><tr>{c}</thead><tbody>{r}</tbody></table>", "<search>{b}</search>", "<custom-block@>{b}</custom-block>",
		"<button@>{b}</button>", "<noscript>{b}</noscript>", "<figure>{b}<figcaption>{i}</figcaption></figure>", "<ins>{b}</ins>", "<a@ href=/><div>{t}</div></a>",
		"<center>{b}</center>", "<menu>{l}</menu>",
	}
	itemShapes   = []string{"<li@>{i}</li>", "<li>{i}", "<li@>{b}</li>", "<li>{b}", "<li><p>{i}", " ", "<!-- {t} -->", "<template>{l}</template>"}
	termShapes   = []string{"<dt@>{i}</dt>", "<dt>{i}", "<dd>{b}</dd>", "<dd>{i}", "<div><dt>{t}<dd>{t}</div>", "\n"}
	rowShapes    = []string{"<tr@>{c}</tr>", "<tr>{c}", "<tr> {c}\n</tr>\n", "<!-- {t} -->", "\n", "<script>f()</script>", "<tbody>", "<tfoot>"}
	cellShapes   = []string{"<td@>{i}</td>", "<td>{i}", "<th>{i}</th>", "<td>{b}</td>", "<th>{b}", " ", "<!---->"}
	optionShapes = []string{"<option@>{t}</option>", "<option>{t}", "<option value=x selected>{t}", " "}
	groupShapes  = []string{"<optgroup label=x>{o}</optgroup>", "<optgroup>{o}"}
	svgShapes    = []string{"<path d=M0/>", `<path d="M0"/>`, "<g@>{v}</g>", "<title>{t}</title>", "<circle r=1></circle>", "<linearGradient id=x><stop/></linearGradient>", "<text>{t}</text>", "<!-- -->", "\n"}
	texts        = []string{"x", "x", "y", " ", "\n", "a &amp; b", "a < b", "1 <2", "\n\n", "\r\n", "&nbsp;", "é", "<3 ", "."}
)

// shapesOf are the shapes that fill a place. Those at the end are without contents,
// for where it is deep enough.
var shapesOf = map[byte]struct{ shapes, shallow []string }{
	'b': {slices.Concat(blockShapes, inlineShapes[:8], texts), []string{"<p>x</p>", "<p>y", "<hr>", "x", "\n", "<!-- c -->"}},
	'i': {slices.Concat(inlineShapes, texts, texts), []string{"x", "<br>", " ", "y", "<b>z</b>", "<!-- c -->"}},
	't': {texts, texts},
	'l': {itemShapes, []string{"<li>x", "<li>y</li>", "\n"}},
	'd': {termShapes, []string{"<dt>x", "<dd>y</dd>", "\n"}},
	'r': {rowShapes, []string{"<tr><td>x", "\n"}},
	'c': {cellShapes, []string{"<td>x", "<th>y</th>"}},
	'o': {slices.Concat(optionShapes, groupShapes), []string{"<option>x", "<option>y</option>"}},
	'v': {svgShapes, []string{"<path d=M1 />", "<use href=#a></use>"}},
}

// writer writes markup.
type writer struct {
	strings.Builder
	t *rapid.T
}

// below generates a number below n, each about as often as the others: left to
// itself rapid prefers small ones, and so the first shapes.
func below(t *rapid.T, n int) int {
	v, of := 0, 1
	for of < 4*n {
		v, of = 2*v, 2*of
		if coin.Draw(t, "coin") {
			v++
		}
	}
	return v * n / of
}

var coin = rapid.Bool()

// fill writes up to four shapes for a place.
func (w *writer) fill(place byte, depth int) {
	all := shapesOf[place].shapes
	if depth <= 0 {
		all = shapesOf[place].shallow
	}
	for range []int{0, 1, 2, 2, 3, 4}[below(w.t, 6)] {
		w.shape(all[below(w.t, len(all))], depth)
		if place == 't' {
			return // one text is like the other
		}
	}
}

func (w *writer) shape(shape string, depth int) {
	for i := 0; i < len(shape); i++ {
		switch c := shape[i]; {
		case c == '@':
			w.WriteString(attributeTexts[below(w.t, len(attributeTexts))])
		case c == '{' && i+2 < len(shape) && shape[i+2] == '}':
			w.fill(shape[i+1], depth-1)
			i += 2
		default:
			w.WriteByte(c)
		}
	}
}

// parts finds tags, comments and texts in markup, roughly.
var parts = regexp.MustCompile(`<!--[^>]*-->|<[^<>]*>|[^<]+|<`)

// strayParts are what a mutation puts in.
var strayParts = []string{
	"<p>", "</p>", "<div>", "</div>", "<b>", "</b>", "<a>", "</a>", "<i>", "</i>", "<li>", "</li>", "<ul>", "</ul>", "<dd>", "<dt>", "</dl>",
	"<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "<tbody>", "</tbody>", "<caption>", "</caption>", "<colgroup>", "<col>",
	"<select>", "</select>", "<option>", "</option>", "<optgroup>", "<form>", "</form>", "<button>", "</button>", "<h1>", "</h1>", "<h2>",
	"<svg>", "</svg>", "<math>", "<foreignObject>", "<g>", "</g>", "<path/>", "<title>", "</title>", "<template>", "</template>", "<noscript>", "</noscript>",
	"<script>", "</script>", "<style>", "</style>", "<textarea>", "</textarea>", "<iframe>", "</iframe>", "<object>", "</object>", "<applet>", "<marquee>",
	"<pre>", "</pre>", "<pre>\n", "<pre>&#10;", "<hr>", "<br>", "</br>", "<img>", "<image>", "<input>", "<body>", "<body class=x>", "</body>", "<html>", "<html lang=x>",
	"</html>", "<head>", "</head>", "<frameset>", "<frame>", "<plaintext>", "<xmp>", "<nobr>", "</nobr>", "<ruby>", "<rt>", "<rp>", "<rb>", "<rtc>", "</ruby>",
	"<search>", "</search>", "<dialog>", "<main>", "<x-y>", "</x-y>", "<span>", "</span>", "<link>", "<meta>", "<base>", "<keygen>", "<menuitem>", "<datalist>", "</datalist>",
	"<!-- c -->", "<!-->", "<!--", "-->", "<!x>", "<?x>", "</>", "<![CDATA[x]]>", "<!doctype html>", "x", " ", "\n", "<", "&", "&#10;", "\x00", "<svg/>", "<div/>", "<br/>", "<path d=x/>",
	"<template shadowrootmode=open>", "<a b='", "<a b=\"", "'>", "\">", "<!--headstart:stop-->", "<font color=x>", "<listing>", "<address>", "<center>", "</center>", "<desc>", "<legend>",
}

// MutateMarkup generates what becomes of markup by 1 to 4 changes: a tag, comment
// or text dropped, doubled, swapped with another, moved, or put in. No browser
// makes the tree of the result that its tags suggest.
func MutateMarkup(markup string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		all := parts.FindAllString(markup, -1)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			all = mutateParts(t, all)
		}
		return strings.Join(all, "")
	})
}

func mutateParts(t *rapid.T, all []string) []string {
	change := "insert"
	if len(all) > 0 {
		change = rapid.SampledFrom([]string{"insert", "insert", "drop", "double", "swap", "move"}).Draw(t, "change")
	}
	switch change {
	case "insert":
		stray := strayParts[below(t, len(strayParts))]
		return slices.Insert(all, below(t, len(all)+1), stray)
	case "drop":
		at := below(t, len(all))
		return slices.Delete(all, at, at+1)
	case "double":
		return slices.Insert(all, below(t, len(all)+1), all[below(t, len(all))])
	case "swap":
		a, b := below(t, len(all)), below(t, len(all))
		all[a], all[b] = all[b], all[a]
		return all
	default: // move
		at := below(t, len(all))
		part := all[at]
		all = slices.Delete(all, at, at+1)
		return slices.Insert(all, below(t, len(all)+1), part)
	}
}
