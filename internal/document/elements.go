package document

import "strings"

// kind says how the parser treats the tags of an element in a body (HTML Standard,
// section 13.2.6.4.7 "in body", where no other is named).
type kind uint8

const (
	ordinary   kind = iota // what stands in no list below, custom elements too
	block                  // closes a p
	looseBlock             // a block through which the parser looks for an open li, dd or dt
	searchBox              // a block to new parsers, ordinary to others
	heading
	preformatted
	form
	paragraph
	listItem
	definition
	button
	formatting
	once // formatting that the parser closes if it is open already
	void // without contents
	rule // void, closes a p
	raw  // its contents are text up to its end tag
	noscript
	template
	table
	caption
	columns // colgroup
	column  // col
	section // thead, tbody, tfoot
	row
	cell
	selectBox
	option
	optgroup
	rubyText
	foreign     // svg, and what stands in it
	foreignText // title and desc in svg
	body
	unmodelled // ends a Body
	kinds      // how many there are
)

// elements are the names of each kind.
var elements = [kinds]string{
	block:        "article aside blockquote center details dir dl fieldset figcaption figure footer header hgroup main menu nav ol section summary ul",
	looseBlock:   "address dialog div",
	searchBox:    "search",
	heading:      "h1 h2 h3 h4 h5 h6",
	preformatted: "listing pre",
	form:         "form",
	paragraph:    "p",
	listItem:     "li",
	definition:   "dd dt",
	button:       "button",
	formatting:   "b big code em font i s small strike strong tt u",
	once:         "a nobr",
	void:         "area base basefont bgsound br embed img input link meta param source track wbr",
	rule:         "hr",
	raw:          "iframe script style textarea",
	noscript:     "noscript",
	template:     "template",
	table:        "table",
	caption:      "caption",
	columns:      "colgroup",
	column:       "col",
	section:      "tbody tfoot thead",
	row:          "tr",
	cell:         "td th",
	selectBox:    "select",
	option:       "option",
	optgroup:     "optgroup",
	rubyText:     "rp rt",
	foreign:      "svg",
	body:         "body",
	// Ignored, moved, renamed, with rules of their own, or not the same in all
	// parsers.
	unmodelled: "applet frame frameset head html image isindex keygen marquee math menuitem noembed noframes object plaintext rb rtc selectedcontent title xmp",
}

// headOnly are the elements that the parser puts into the head while there is no
// body (section 13.2.6.4.6 "after head").
var headOnly = list("base", "basefont", "bgsound", "link", "meta", "noframes", "script", "style", "template", "title")

// svgElements are those that may stand in svg: the common ones that hold no HTML,
// no text of their own kind and no script. None of them is in the list of tags
// that end svg (section 13.2.6.5).
var svgElements = list("animate", "animatemotion", "animatetransform", "circle", "clippath", "defs", "ellipse",
	"fe*", "filter", "g", "image", "line", "lineargradient", "marker", "mask", "path", "pattern", "polygon",
	"polyline", "radialgradient", "rect", "set", "stop", "svg", "switch", "symbol", "text", "textpath", "tspan", "use", "view")

// svgTexts hold text and nothing else here.
var svgTexts = list("desc", "title")

// flags are what is known of an open element and of those around it.
type flags uint16

const (
	inP        flags = 1 << iota // a p that the next block closes: "in button scope"
	inItem                       // an li that the next li closes
	inTerm                       // a dd or dt that the next of them closes
	inForm                       // the form pointer is set
	inButton                     // a button
	inA                          // an a
	inNobr                       // a nobr
	outOfScope                   // </body> is ignored
	inert                        // a template or noscript
	notPlain                     // what makes a point not plain
)

// around says what an element of a kind changes for what stands in it.
var around = [kinds]struct{ clears, sets flags }{
	block:        {clears: inItem | inTerm},
	searchBox:    {clears: inItem | inTerm},
	heading:      {clears: inItem | inTerm},
	preformatted: {clears: inItem | inTerm},
	form:         {clears: inItem | inTerm, sets: inForm},
	paragraph:    {sets: inP},
	listItem:     {clears: inTerm, sets: inItem},
	definition:   {clears: inItem, sets: inTerm},
	button:       {clears: inP | inItem | inTerm, sets: inButton},
	formatting:   {sets: notPlain},
	once:         {sets: notPlain},
	noscript:     {clears: inItem | inTerm, sets: inert | notPlain},
	template:     {clears: inP | inItem | inTerm | inForm, sets: inert | notPlain | outOfScope},
	table:        {clears: inP | inItem | inTerm, sets: notPlain | outOfScope},
	caption:      {clears: inP | inItem | inTerm, sets: notPlain | outOfScope},
	cell:         {clears: inP | inItem | inTerm, sets: notPlain | outOfScope},
	selectBox:    {clears: inP | inItem | inTerm, sets: notPlain | outOfScope},
	option:       {sets: notPlain},
	optgroup:     {sets: notPlain},
	foreign:      {sets: notPlain | outOfScope},
	foreignText:  {sets: notPlain | outOfScope},
}

// kindOf is elements the other way round.
var kindOf = map[string]kind{}

func init() {
	for k := range kinds {
		for name := range strings.FieldsSeq(elements[k]) {
			kindOf[name] = k
			names[name] = name
		}
	}
	// Others of which pages have many.
	for name := range strings.FieldsSeq("abbr audio canvas cite datalist del g ins label legend path picture rect ruby span sub sup time use video") {
		names[name] = name
	}
}

// impliedEnd reports whether the end tag may be left out where something around
// ends (section 13.2.6.3 "generate implied end tags").
func (k kind) impliedEnd() bool {
	switch k {
	case definition, listItem, optgroup, option, paragraph, rubyText:
		return true
	default:
		return false
	}
}
