package document

// start takes in a start tag. closing says that it ends in a slash.
func (t *tree) start(name string, closing bool) bool {
	t.dropLine = false
	k := kindOf[name]
	if len(t.open) == 0 && !t.startBody(name, k) {
		return false
	}
	if k == body {
		return t.count == 1 && t.first == t.offset && !t.frameset
	}
	switch t.top().kind {
	case foreign:
		return t.startForeign(name, closing)
	case foreignText:
		return false
	case selectBox, optgroup, option:
		return t.startOption(name, k)
	case table, section, row:
		if name == "script" || name == "style" {
			t.add(name, t.offset)
			return true
		}
		if name != "template" && !isTablePart(k) {
			return false
		}
	case columns:
		if name == "script" || name == "style" {
			t.pop()
			t.add(name, t.offset)
			return true
		}
		if !isTablePart(k) {
			return false
		}
	case template:
		if !t.startInTemplate(k) {
			return false
		}
	default:
	}
	if isTablePart(k) {
		return t.startTablePart(name, k)
	}
	if k == foreign {
		return t.startForeign(name, closing)
	}
	return t.startInBody(name, k)
}

// startBody opens the body element, by its tag or by what cannot stand in front of
// it.
func (t *tree) startBody(name string, k kind) bool {
	if k == unmodelled || headOnly.has(name) {
		return false
	}
	t.frameset = k != body
	return t.push("body", body)
}

// startInBody is for what may stand in a body anywhere.
func (t *tree) startInBody(name string, k kind) bool {
	around := t.top().flags
	t.seen(name, k)
	switch k {
	case block, looseBlock, preformatted, paragraph:
		return t.closeP() && t.push(name, k)
	case heading:
		return t.closeP() && t.top().kind != heading && t.push(name, k)
	case form:
		return around&inForm == 0 && t.closeP() && t.push(name, k)
	case searchBox:
		return around&(inP|inItem|inTerm) == 0 && t.push(name, k)
	case listItem:
		if around&inItem != 0 {
			t.imply("li")
			if !t.closeTop("li") {
				return false
			}
		}
		return t.closeP() && t.push(name, k)
	case definition:
		if around&inTerm != 0 {
			for t.top().kind.impliedEnd() && t.top().kind != definition {
				t.pop()
			}
			if t.top().kind != definition {
				return false
			}
			t.pop()
		}
		return t.closeP() && t.push(name, k)
	case button:
		return around&inButton == 0 && t.push(name, k)
	case once:
		return (name != "a" || around&inA == 0) && (name != "nobr" || around&inNobr == 0) && t.push(name, k)
	case rule:
		if !t.closeP() {
			return false
		}
		t.add(name, t.offset)
		return true
	case void, raw, noscript:
		t.add(name, t.offset)
		return true
	case table:
		// In quirks mode a table does not close a p.
		return around&inP == 0 && t.push(name, k)
	case option:
		return t.top().name == "datalist" && t.push(name, k)
	case rubyText:
		if t.top().kind == rubyText {
			t.pop()
		}
		return t.top().name == "ruby" && t.push(name, k)
	case ordinary, formatting, template, selectBox:
		return t.push(name, k)
	default:
		return false
	}
}

// seen notes that a frameset can take the body's place no longer.
func (t *tree) seen(name string, k kind) {
	switch k {
	case preformatted, listItem, definition, button, table, selectBox, rule:
		t.frameset = false
	case void, raw:
		switch name {
		case "area", "br", "embed", "iframe", "img", "textarea", "wbr":
			t.frameset = false
		}
	default:
	}
}

// startOption is for what may stand in a select, or in an option elsewhere.
func (t *tree) startOption(name string, k kind) bool {
	switch k {
	case option:
		t.imply("optgroup")
	case optgroup:
		t.imply("")
	default:
		return false // some parsers ignore it
	}
	return (k == option || t.top().kind == selectBox) && t.push(name, k)
}

// startForeign is for svg and what stands in it (section 13.2.6.5).
func (t *tree) startForeign(name string, closing bool) bool {
	k := foreign
	switch {
	case svgTexts.has(name):
		k = foreignText
	case !svgElements.has(name):
		return false
	}
	if closing {
		t.add(name, t.offset)
		return true
	}
	return t.push(name, k)
}

// startInTemplate notes what a template holds: the parser decides it by the first
// element (section 13.2.6.4.22 "in template").
func (t *tree) startInTemplate(k kind) bool {
	want := body
	switch k {
	case row:
		want = section
	case cell:
		want = row
	default:
	}
	e := t.top()
	if e.rows == ordinary {
		e.rows = want
	}
	return e.rows == want
}

// end takes in an end tag, but not that of body, html or a raw element.
func (t *tree) end(name string) bool {
	t.dropLine = false
	if len(t.open) == 0 {
		return false
	}
	k := kindOf[name]
	if e := t.top(); e.kind == foreign || e.kind == foreignText {
		return t.closeTop(name)
	}
	switch k {
	case block, looseBlock, preformatted, button, form, template, selectBox, caption:
		t.imply("")
		return t.closeTop(name)
	case heading, paragraph, listItem, definition:
		t.imply(name)
		return t.closeTop(name)
	case table, columns, section, row, cell:
		return t.endTablePart(name, k)
	case formatting, once, searchBox:
		return t.closeTop(name)
	case ordinary, option, optgroup, rubyText:
		// Any other end tag: it looks through those of which the end tag may be
		// left out, but not through p, li, dd and dt, which are special.
		for e := t.top(); e.name != name; e = t.top() {
			if e.kind != option && e.kind != optgroup && e.kind != rubyText {
				return false
			}
			t.pop()
		}
		return t.closeTop(name)
	default:
		return false
	}
}
