package site

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParagraphs(t *testing.T) {
	for source, want := range map[string][]string{
		"":                                     nil,
		"plain  text\n":                        {"plain text"},
		"<p>One.</p>\n<p>Two <b>bold</b>.</p>": {"One.", "Two bold."},
		"a<br>b<br/>c":                         {"a", "b", "c"},
		"<p>1 &lt; 2 &amp; 3</p>":              {"1 < 2 & 3"},
		"<script>bad()</script>good<style>p{}</style>": {"good"},
		"</template>x<template>y</template>z":          {"xz"},
	} {
		if diff := cmp.Diff(want, paragraphs(source)); diff != "" {
			t.Errorf("paragraphs(%q), -want +got:\n%s", source, diff)
		}
	}
}
