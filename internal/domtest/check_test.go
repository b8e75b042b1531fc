package domtest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckExact(t *testing.T) {
	const padding = "\n\n\n\n"
	for _, row := range []struct {
		backend string // | is where the visitor has more
		more    string
		exact   bool
	}{
		{"<!doctype html><html>", "", true},
		{"", "", true},
		{"<!doctype html>|<html>", padding, true},
		{"<!doctype html>\n|\n<html>", padding, true},
		{"<!doctype html>\n\n|<html>", padding, true},
		{"\ufeff<!doctype html>|<html>", padding, true},
		{"\ufeff|<html>", padding, true},
		{"|<html>", padding, true},
		{"|text", padding, true},
		{"|<p>", padding, true},
		{"<!--a--> <!doctype html><!--b-->|<!--c--><html>", padding, true},
		{"<!doctype html><?xml?>|<html>", padding, true},
		{"|\ufeff<html>", padding, false},
		{"|<!doctype html><html>", padding, false},
		{"<!doctype |html><html>", padding, false},
		{"<!doctype html><!--|--><html>", padding, false},
		{"<!doctype html><!-|-a--><html>", padding, false},
		{"<!doctype html><html>|<head>", padding, false},
		{"<!doctype html><html |><head>", padding, false},
		{"<!doctype html>t|ext", padding, false},
		{"<!doctype html><p><!doctype html>|<p>", padding, false},
		{"<!doctype html>|<html>", "\n \n", false},
		{"<!doctype html>|<html>", "<!--a-->", false},
		{"<!doctype html><html>|", "x", false},
	} {
		backend := strings.Replace(row.backend, "|", "", 1)
		visitor := strings.Replace(row.backend, "|", row.more, 1)
		if err := Check([]byte(backend), []byte(visitor), "exact", ""); (err == nil) != row.exact {
			t.Errorf("%q with %q: %v, want exact: %t", row.backend, row.more, err, row.exact)
		}
	}
	for _, visitor := range []string{"<html><p>x", "<html><p>", "<html><p>xyz", "\n<html><p>xz", "<html><b>xy"} {
		if err := Check([]byte("<html><p>xy"), []byte(visitor), "exact", ""); err == nil {
			t.Errorf("%q: no error", visitor)
		}
	}
}

func TestCheck(t *testing.T) {
	const backend, other = "<title>x</title><style></style>", "<title>y</title>"
	merged := "<style></style><title>x</title>"
	repaired := "<title>y</title>" + fixing(over(nth(0, "title"))) + merged
	late := "<style></style><body><title>x</title>" + fixing(put("TITLE", "0"))
	for _, row := range []struct{ visitor, outcome, err string }{
		{backend, "exact", ""},
		{merged, "exact", "exact: from byte 1: "},
		{merged, "merged", ""},
		{late, "merged", ""},
		{late + "x", "merged", "merged: body: "},
		{late, "repaired", "repaired: no recovery script corrects"},
		{other, "merged", "merged: head: "},
		{repaired, "merged", "merged: a recovery script corrects"},
		{repaired, "repaired", ""},
		{late + fixing(`{"set":{"lang":null}}`), "repaired", ""},
		{merged + fixing(put("TITLE", "0")), "merged", ""},
		{merged + fixing(put("LINK", "0")), "merged", "merged: edit 0: puts LINK"},
		{merged, "repaired", "repaired: no recovery script corrects"},
		{merged + recovery("", `{}`), "merged", "merged: the recovery script leads away"},
		{repaired + "<title>z</title>", "repaired", "repaired: head: "},
		{recovery("", `{"url":"/"}`), "repaired", "repaired: the recovery script leads away"},
		{strings.Repeat("<div>", 600), "merged", "the visitor's page cannot be parsed"},
		{other, "reloaded", ""},
		{other, "failed", ""},
	} {
		err := Check([]byte(backend), []byte(row.visitor), row.outcome, prefix)
		if (err == nil) != (row.err == "") || err != nil && !strings.HasPrefix(err.Error(), row.err) {
			t.Errorf("%s, %q: %v, want %q", row.outcome, row.visitor, err, row.err)
		}
		if errors.Is(err, ErrNotParsed) {
			t.Errorf("%s, %q: is no judgement", row.outcome, row.visitor)
		}
	}
	deep := []byte(strings.Repeat("<div>", 600))
	if err := Check(deep, deep, "merged", prefix); !errors.Is(err, ErrNotParsed) {
		t.Errorf("a backend's page without a tree: %v", err)
	}
}

// TestExactIsMerged holds the two judgements against each other: whatever is
// exact must have the same tree, on the worst pages there are.
func TestExactIsMerged(t *testing.T) {
	inputs := HTML5Lib(t)
	if len(inputs) < 1000 {
		t.Errorf("%d pages, want more", len(inputs))
	}
	if !slices.ContainsFunc(inputs, func(b []byte) bool { return len(b) == 0 }) ||
		!slices.ContainsFunc(inputs, func(b []byte) bool { return bytes.IndexByte(b, '\n') >= 0 }) {
		t.Error("no empty input, or none of several lines")
	}
	for _, page := range inputs {
		for _, at := range paddable(page) {
			padded := slices.Concat(page[:at], []byte("\n\n\n"), page[at:])
			for _, outcome := range []string{"exact", "merged"} {
				if err := Check(page, padded, outcome, prefix); err != nil {
					t.Errorf("%q padded at %d: %v", page, at, err)
				}
			}
		}
	}
}

func TestParseDat(t *testing.T) {
	got := parseDat([]byte("#data\n<p>\n\n#x\n#errors\nno\n#document\n| \"a\n\nb\"\n\n" +
		"#data\n#errors\n#document\n| <html>\n\n" +
		"#data\n<td>\n#errors\n#new-errors\n(1:1)\n#document-fragment\ntr\n#document\n| <td>\n\n" +
		"#data\n\n<b>\n#errors\n#script-on\n#document\n| <b>\n"))
	want := []string{"<p>\n\n#x", "", "\n<b>"}
	if !slices.EqualFunc(got, want, func(b []byte, s string) bool { return string(b) == s }) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestGenerators holds the generators to what they promise: items that the
// parser leaves where they stand, whole, and pages that are at times equal.
func TestGenerators(t *testing.T) {
	for _, f := range families {
		for _, item := range f.variants {
			p := takeApart(parse(t, Document([]string{"<title>before</title>", item, "<title>behind</title>"}, "x")))
			if n := len(childNodes(p.head)); n != 3 {
				t.Errorf("%q: %d nodes in head, want 3", item, n)
			}
			if got := dump(p.body, exactly); !strings.HasPrefix(got, `<body>"x`) {
				t.Errorf("%q: body %s", item, got)
			}
		}
	}
	equal, mutants := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		items := Heads().Draw(t, "items")
		before := slices.Clone(items)
		mutant := Mutations(items).Draw(t, "mutant")
		if !slices.Equal(items, before) {
			t.Fatal("Mutations has changed its argument")
		}
		for i, item := range mutant {
			if strings.HasPrefix(item, "<html") && i > 0 {
				t.Fatalf("html tag at %d", i)
			}
		}
		body := Bodies().Draw(t, "body")
		a, b := parse(t, Document(items, body)), parse(t, Document(mutant, body))
		mutants++
		if Diff(a, b) == "" {
			equal++
		}
		if slices.Equal(items, mutant) && Diff(a, b) != "" {
			t.Fatal(Diff(a, b))
		}
	})
	if equal == 0 || equal == mutants {
		t.Errorf("%d of %d mutants are equal", equal, mutants)
	}
}

// FuzzDiff looks for pages that Diff, Repair or Check cannot bear, and holds
// that nothing differs from itself.
func FuzzDiff(f *testing.F) {
	for _, page := range HTML5Lib(f)[:200] {
		f.Add(page)
	}
	for _, edit := range []string{
		`{"set":{"lang":"en"}}`, over(nth(0, "title")), moved(nth(-1, "link"), textsOf("style", "a", 0)),
		put("LINK,LINK", "0,-1"), cut("#text,LINK,LINK", "html>body>script"),
	} {
		f.Add([]byte("<title></title><style>a</style><body>x<link><link>" + fixing(edit) + "y"))
		f.Add([]byte("<title></title><style>a</style><link><link>" + fixing(edit)))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		for _, outcome := range []string{"exact", "merged"} {
			err := Check(page, page, outcome, "") // with a prefix, it could ask for anything
			if err != nil && !errors.Is(err, ErrNotParsed) {
				t.Fatal(err)
			}
		}
		doc, err := Parse(page)
		if err != nil {
			return
		}
		if effect, err := Repair(doc, prefix); effect == Untouched && err == nil {
			if d := Diff(parse(t, string(page)), doc); d != "" {
				t.Fatalf("changed without a repair: %s", d)
			}
		}
	})
}
