package document

// Tables: HTML Standard, sections 13.2.6.4.9 to 13.2.6.4.15. Which insertion mode
// the parser is in follows from the current node, since all that is open is
// closed in good order.

// tableDepth is how deep a part stands in a table, with all end tags left out.
var tableDepth = [kinds]int{caption: 1, columns: 1, section: 1, column: 2, row: 2, cell: 3}

func isTablePart(k kind) bool { return tableDepth[k] > 0 }

// startTablePart closes what the start tag of a part closes, and opens what it
// implies.
func (t *tree) startTablePart(name string, k kind) bool {
	if !t.inRows() {
		t.imply("") // in a cell or caption
	}
	if t.top().kind == caption && name == "th" {
		return false // x/net/html ignores it
	}
	for isTablePart(t.top().kind) && (tableDepth[t.top().kind] >= tableDepth[k] || t.top().kind == caption || t.top().kind == columns && k != column) {
		t.pop()
	}
	switch parent := t.top(); {
	case parent.kind == template:
		// startInTemplate looked already, if nothing was closed.
		if k == row && parent.rows != section || k == cell && parent.rows != row || k != row && k != cell {
			return false
		}
	case k == column:
		if parent.kind == table && !t.push("colgroup", columns) || t.top().kind != columns {
			return false
		}
		t.add(name, t.offset)
		return true
	case k == row || k == cell:
		if parent.kind == table && !t.push("tbody", section) {
			return false
		}
		if k == cell && t.top().kind == section && !t.push("tr", row) {
			return false
		}
		if k == row && t.top().kind != section || k == cell && t.top().kind != row {
			return false
		}
	case parent.kind != table:
		return false
	}
	return t.push(name, k)
}

// endTablePart closes a part, or the table, with all that is open in it.
func (t *tree) endTablePart(name string, k kind) bool {
	if !t.inRows() {
		t.imply("")
	}
	for e := t.top(); e.kind != k; e = t.top() {
		if !isTablePart(e.kind) || k != table && (tableDepth[e.kind] <= tableDepth[k] || e.kind == caption) {
			return false
		}
		t.pop()
	}
	return t.closeTop(name)
}
