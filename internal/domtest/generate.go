package domtest

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Items generates head items of one class.
func Items(class Class) *rapid.Generator[string] {
	var some []*rapid.Generator[string]
	for _, f := range families {
		if f.class == class {
			some = append(some, rapid.SampledFrom(f.variants))
		}
	}
	return rapid.OneOf(some...)
}

// Heads generates the items of a head, 0 to 12 of all classes, at times behind
// an html start tag. [Document] makes a page of them.
func Heads() *rapid.Generator[[]string] {
	return rapid.Custom(func(t *rapid.T) []string {
		items := rapid.SliceOfN(anyItem(), 0, 12).Draw(t, "head")
		if rapid.Bool().Draw(t, "with html tag") {
			items = slices.Insert(items, 0, HTMLTags().Draw(t, "html tag"))
		}
		return items
	})
}

// HTMLTags generates html start tags, with attributes or without.
func HTMLTags() *rapid.Generator[string] { return rapid.SampledFrom(htmlTags) }

// Bodies generates contents of the body.
func Bodies() *rapid.Generator[string] { return rapid.SampledFrom(bodies) }

// Document returns a page with these head items. The first may be an html start
// tag; else the page gets a plain one.
func Document(items []string, body string) string {
	tag := "<html>"
	if startsWithTag(items) {
		tag, items = items[0], items[1:]
	}
	return "<!doctype html>\n" + tag + "<head>" + strings.Join(items, "") +
		"</head>\n<body>" + body + "</body></html>\n"
}

// Mutations generates what becomes of a head by 1 to 4 changes: an item
// replaced by another variant of it or by any other, put in, taken out, swapped
// with another, or doubled; or another html start tag. The result can be equal
// to items, which is not changed.
func Mutations(items []string) *rapid.Generator[[]string] {
	return rapid.Custom(func(t *rapid.T) []string {
		mutant := slices.Clone(items)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			mutant = mutate(t, mutant)
		}
		return mutant
	})
}

// mutate makes one change, in place or in a new slice.
func mutate(t *rapid.T, items []string) []string {
	first := 0 // the first head item
	if startsWithTag(items) {
		first = 1
	}
	change := rapid.SampledFrom([]string{"vary", "replace", "insert", "remove", "swap", "double", "tag"}).Draw(t, "change")
	if len(items) == first && change != "tag" {
		change = "insert" // nothing else can be done to an empty head
	}
	draw := func(label string) int { return rapid.IntRange(first, len(items)-1).Draw(t, label) }
	switch change {
	case "vary":
		at := draw("at")
		items[at] = sibling(t, items[at])
	case "replace":
		items[draw("at")] = anyItem().Draw(t, "item")
	case "insert":
		at := rapid.IntRange(first, len(items)).Draw(t, "at")
		items = slices.Insert(items, at, anyItem().Draw(t, "item"))
	case "remove":
		at := draw("at")
		items = slices.Delete(items, at, at+1)
	case "swap":
		a, b := draw("one"), draw("other")
		items[a], items[b] = items[b], items[a]
	case "double":
		item := items[draw("which")]
		items = slices.Insert(items, rapid.IntRange(first, len(items)).Draw(t, "at"), item)
	case "tag":
		items = slices.Insert(slices.Clone(items[first:]), 0, HTMLTags().Draw(t, "html tag"))
	}
	return items
}

// anyItem generates head items of all classes.
func anyItem() *rapid.Generator[string] {
	var all []*rapid.Generator[string]
	for class := range classes {
		all = append(all, Items(class))
	}
	// Most items of real heads are inert or act on what follows.
	return rapid.OneOf(append(all, Items(Inert), Items(Barrier), Items(Barrier))...)
}

// sibling generates a variant of an item, or any item if it is none of ours.
func sibling(t *rapid.T, item string) string {
	for _, f := range families {
		if slices.Contains(f.variants, item) {
			return rapid.SampledFrom(f.variants).Draw(t, "variant")
		}
	}
	return anyItem().Draw(t, "item")
}

func startsWithTag(items []string) bool {
	return len(items) > 0 && strings.HasPrefix(items[0], "<html")
}
