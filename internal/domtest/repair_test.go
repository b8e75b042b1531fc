package domtest

import (
	"errors"
	"strings"
	"testing"
)

// prefix begins the text of the recovery scripts in these tests.
const prefix = "(a=>{fix("

// recovery is a script as Headstart writes it; args is JSON. The function holds
// what could be taken for the end of it.
func recovery(attrs, args string) string {
	return "<script data-headstart " + attrs + ">" + prefix + "a);((b)=>{})({})})(" + args + ")</script>"
}

func TestRepair(t *testing.T) {
	for _, row := range []struct{ name, backend, visitor, err string }{
		{
			"set", "<html lang=en class=a><head><title>x",
			"<html lang=de hidden>" + recovery("", `{"edits":[{"set":{"lang":"en","CLASS":"a","hidden":null,"dir":null}}]}`) + "<title>x", "",
		},
		{
			"drop by attribute", "<link rel=icon href=b>",
			"<link rel=icon href=a><link rel=icon href=b>" + recovery("", `{"edits":[{"drop":{"tag":"link","attrs":{"rel":"icon","href":"a"},"count":2}}]}`), "",
		},
		{
			"drop by text", "<style>b</style>",
			"<style>a})({</style><style>b</style>" + recovery("", `{"edits":[{"drop":{"tag":"style","text":"a})({"}}]}`), "",
		},
		{
			"drop the second", "<title>x</title>",
			"<title>x</title><title>x</title>" + recovery("", `{"edits":[{"drop":{"tag":"title","n":1}}]}`), "",
		},
		{
			"drop the last", "<title>x</title>",
			"<title>x</title><title>y</title>" + recovery("", `{"edits":[{"drop":{"tag":"title","n":-1}}]}`), "",
		},
		{ // a classic script sees no further than itself
			"the last so far", "<style>a</style><style>c</style>",
			"<style>a</style><style>b</style>" + recovery("", `{"edits":[{"drop":{"tag":"style","n":-1}}]}`) + "<style>c</style>", "",
		},
		{
			"async module, the first", "<style>b</style>",
			"<style>a</style>" + recovery("type=module async", `{"edits":[{"drop":{"tag":"style","n":0}}]}`) + "<style>b</style>", "",
		},
		{
			"deferred module", "<style>a</style>",
			"<style>a</style>" + recovery("type=module", `{"edits":[{"drop":{"tag":"style","n":-1}}]}`) + "<style>b</style>", "",
		},
		{
			"move", "<link rel=stylesheet href=b><style>c</style>",
			"<link rel=stylesheet href=a><style>c</style><link rel=stylesheet href=b>" +
				recovery("", `{"edits":[{"move":{"tag":"link","attrs":{"href":"b"},"count":2},"over":{"tag":"link","attrs":{"href":"a"},"count":2}}]}`), "",
		},
		{
			"in order, and each counts", "<style>a</style><style>b</style>",
			"<style>x</style><style>y</style><style>b</style><style>a</style>" + recovery("", `{"edits":[`+
				`{"move":{"tag":"style","n":-1},"over":{"tag":"style","n":1}},{"drop":{"tag":"style"}}]}`), "",
		},
		{"no edit", "<title>x</title>", "<title>x</title><noscript data-headstart>y</noscript>" + recovery("", `{"edits":[]}`), ""},
		{"a semicolon", "", "<script data-headstart>" + prefix + "})({\"edits\":[]});\n</script>", ""},
		{"two scripts", "<style>c</style>", "<style>a</style><style>b</style>" +
			strings.Repeat(recovery("", `{"edits":[{"drop":{"tag":"style"}}]}`), 2) + "<style>c</style>", ""},

		{"reload", "", recovery("", `{"cookie":"a=b"}`), "leads away"},
		{"redirect", "", recovery("", `{"url":"/","edits":[]}`), "leads away"},
		{"not found", "", recovery("", `{"edits":[{"drop":{"tag":"style","text":"a"}}]}`), `edit 0: drop: {"tag":"style","attrs":null,"count":0,"text":"a","exact":false,"n":0}: not found (0 candidates`},
		{"past the end", "", "<style></style>" + recovery("", `{"edits":[{"drop":{"tag":"style","n":1}}]}`), "not found (1 candidates"},
		{"past the start", "", "<style></style>" + recovery("", `{"edits":[{"drop":{"tag":"style","n":-2}}]}`), "not found (1 candidates"},
		{"behind a classic script", "", recovery("", `{"edits":[{"drop":{"tag":"style"}}]}`) + "<style></style>", "not found (0 candidates in front of the script, 1 in head)"},
		{"async module, the last", "", "<style>a</style>" + recovery("type=module async", `{"edits":[{"drop":{"tag":"style","n":-1}}]}`) + "<style>b</style>", "async module"},
		{"in the body", "", recovery("", `{"edits":[{"drop":{"tag":"p"}}]}`) + "<p>", "not found"},
		{"below a template", "", "<template>x</template>" + recovery("", `{"edits":[{"drop":{"tag":"template","text":"x"}}]}`), "not found"},
		{"another value", "", "<link rel=icon>" + recovery("", `{"edits":[{"drop":{"tag":"link","attrs":{"rel":""},"count":1}}]}`), "not found"},
		{"another number of attributes", "", "<link rel=icon href=a>" + recovery("", `{"edits":[{"drop":{"tag":"link","attrs":{"rel":"icon"},"count":1}}]}`), "not found"},
		{"more text", "", "<title>ab</title>" + recovery("", `{"edits":[{"drop":{"tag":"title","text":"a","exact":true}}]}`), "not found"},
		{"no such attribute", "", "<link>" + recovery("", `{"edits":[{"drop":{"tag":"link","attrs":{"rel":""},"count":1}}]}`), "not found"},
		{"script", "", "<script src=a></script>" + recovery("", `{"edits":[{"drop":{"tag":"script","attrs":{"src":"a"},"count":1}}]}`), "has had its effect"},
		{"base", "", "<base>" + recovery("", `{"edits":[{"drop":{"tag":"base"}}]}`), "has had its effect"},
		{"http-equiv", "", "<meta http-equiv=x><meta>" + recovery("", `{"edits":[{"move":{"tag":"meta"},"over":{"tag":"meta","count":1,"n":0}}]}`), "has had its effect"},
		{"over itself", "", "<style></style>" + recovery("", `{"edits":[{"move":{"tag":"style"},"over":{"tag":"style"}}]}`), "over itself"},
		{"no such edit", "", recovery("", `{"edits":[{}]}`), "is none of"},
		{"two edits in one", "", recovery("", `{"edits":[{"set":{},"drop":{"tag":"style"}}]}`), "is none of"},
		{"move without over", "", recovery("", `{"edits":[{"move":{"tag":"style"}}]}`), "is none of"},
		{"unknown field", "", recovery("", `{"edits":[{"rewind":1}]}`), "unknown field"},
		{"wrong type", "", recovery("", `{"edits":[{"drop":"style"}]}`), "cannot unmarshal"},
		{"no object", "", "<script data-headstart>" + prefix + ")})()</script>", "has no `})(`"},
		{"no call", "", "<script data-headstart>" + prefix + "})({}</script>", "does not end in a call"},
	} {
		t.Run(row.name, func(t *testing.T) {
			visitor := parse(t, row.visitor)
			repaired, err := Repair(visitor, prefix)
			switch {
			case row.err != "":
				if err == nil || !strings.Contains(err.Error(), row.err) || !repaired {
					t.Errorf("%t, %v; want true, %q", repaired, err, row.err)
				}
				if leaves := row.err == "leads away"; errors.Is(err, ErrLeaves) != leaves {
					t.Errorf("ErrLeaves: %t, want %t", !leaves, leaves)
				}
			case err != nil || !repaired:
				t.Errorf("%t, %v; want true", repaired, err)
			default:
				if d := Diff(parse(t, row.backend), visitor); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestNoRepair(t *testing.T) {
	for _, page := range []string{
		"<title data-headstart>x</title>",
		"<script>" + prefix + "</script>",
		"<script src=a data-headstart>" + prefix + "})({})</script>",
		"<script type=text/plain data-headstart>" + prefix + "})({})</script>",
		"<body>" + recovery("", "{}"),
		"<template>" + recovery("", "{}") + "</template>",
	} {
		visitor := parse(t, page)
		other := prefix
		if strings.HasPrefix(page, "<script>") {
			other = "(b=>"
		}
		repaired, err := Repair(visitor, other)
		if repaired || err != nil {
			t.Errorf("%s: %t, %v; want no repair", page, repaired, err)
		}
		if d := Diff(parse(t, page), visitor); d != "" {
			t.Errorf("%s: changed: %s", page, d)
		}
	}
}

func TestLeaving(t *testing.T) {
	for script, want := range map[string]struct {
		cookie, url string
		leaves, bad bool
	}{
		`(a=>{})({"cookie":"m=1;path=/"})`:             {cookie: "m=1;path=/", leaves: true},
		`(a=>{})({"url":"/p?})("})`:                    {url: "/p?})(", leaves: true},
		`(a=>{})({"edits":[{"set":{}}],"cookie":"m"})`: {cookie: "m"},
		`(a=>{})({"other":1})`:                         {bad: true},
		`f()`:                                          {bad: true},
	} {
		cookie, url, leaves, err := Leaving(script)
		if cookie != want.cookie || url != want.url || leaves != want.leaves || (err != nil) != want.bad {
			t.Errorf("%s: %q, %q, %v, error %v", script, cookie, url, leaves, err)
		}
	}
}
