package document

import (
	"fmt"
	"testing"
)

// The table of classes, with an example of each row.
func TestClasses(t *testing.T) {
	tests := []struct {
		in     string
		class  Class
		traits Traits
	}{
		{"<title>x</title>", Inert, Title},
		{"<meta name=description content=x>", Inert, 0},
		{"<META NAME=Robots content=x>", Inert, 0},
		{"<meta property=og:image content=x>", Inert, 0},
		{"<meta name=description http-equiv=refresh>", Barrier, Ordered},
		{"<link rel=canonical href=/>", Inert, 0},
		{"<link rel='shortcut icon' href=/>", Inert, 0},
		{"<link rel=preconnect href=/>", Inert, Harmless},
		{"<link rel=preconnect href=/ onload=x()>", Barrier, 0},
		{"<link rel=preload href=/ as=style>", Barrier, Harmless},
		{"<link rel='preload stylesheet' href=/>", Barrier, Styles | Ordered},
		{"<link rel=canonical blocking=render href=/>", Barrier, 0},
		{"<link rel=modulepreload href=/>", Barrier, 0},
		{"<link href=/>", Barrier, 0},
		{"<script type=application/ld+json>{}</script>", Inert, 0},
		{"<script type=application/json>{}</script>", Readable, 0},
		{"<!-- x -->", Inert, Harmless},
		{"<meta name=csrf-token content=x>", Readable, 0},
		{"<meta name=csp-nonce nonce=x>", Readable, Nonce},
		{"<meta charset=utf-8>", Barrier, Charset},
		{"<meta http-equiv=content-type content='text/html; charset=utf-8'>", Barrier, Ordered | Charset},
		{"<meta name=viewport content=x>", Barrier, 0},
		{"<meta name=referrer content=x>", Barrier, 0},
		{"<meta http-equiv=Content-Security-Policy content=x>", Barrier, Ordered | Policy},
		{"<base href=/>", Barrier, Ordered},
		{"<style nonce=x>a{}</style>", Barrier, Styles | Ordered | Nonce},
		{"<link rel=stylesheet href=/a.css>", Barrier, Styles | Ordered},
		{"<script>x</script>", Barrier, Script | Runs | Ordered},
		{"<script async>document.title</script>", Barrier, Script | Runs | Ordered | ReadsTitle},
		{"<script src=a></script>", Barrier, Script | Runs | Ordered},
		{"<script type=' TEXT/javascript ' src=a></script>", Barrier, Script | Runs | Ordered},
		{"<script language=javascript>x</script>", Barrier, Script | Runs | Ordered},
		{"<script src=a defer></script>", Barrier, Script | Ordered},
		{"<script type=module src=a></script>", Barrier, Script | Ordered},
		{"<script src=a async></script>", Barrier, Script | Async},
		{"<script type=module async>x</script>", Barrier, Script | Async},
		{"<script type=importmap>{}</script>", Barrier, Script | Ordered},
		{"<noscript><link href=a></noscript>", Barrier, 0},
		{"<template><style nonce=x></style></template>", Barrier, Nonce},
	}
	for _, test := range tests {
		head := ScanHead([]byte(test.in+"</head>"), true)
		if len(head.Items) != 1 {
			t.Errorf("%s: %d items, %s", test.in, len(head.Items), head.End)
			continue
		}
		if item := head.Items[0]; item.Class != test.class || item.Traits != test.traits {
			t.Errorf("%s: class %d, traits %b; want %d, %b", test.in, item.Class, item.Traits, test.class, test.traits)
		}
	}
}

func ExampleItem_PassedBy() {
	head := ScanHead([]byte("<meta name=csrf-token content=x><link rel=stylesheet href=a><script src=b></script></head>"), true)
	token := head.Items[0]
	for _, later := range head.Items[1:] {
		fmt.Println(later.Name, token.PassedBy(later))
	}
	// Output:
	// link true
	// script false
}
