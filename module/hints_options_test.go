package module_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/module"
)

// The option hints, in a 103 and in the header of a commit.
func TestHintsOption(t *testing.T) {
	const (
		font  = "</fonts/a.woff2>; rel=preload; as=font; crossorigin"
		other = "<https://cdn.example>; rel=preconnect"
		wide  = `</wide.css>; rel=preload; as=style; media="(min-width: 9px)"`
	)
	quote := func(value string) string { return "`" + value + "`" }
	for _, test := range []struct {
		name, option string
		hints, link  []string
		unlearned    []string // of a page that nobody knows
	}{
		{"by default", "", []string{lessonHint, lateHint}, []string{lateHint}, nil},
		{"max", "hints {\n\t\t\tmax 1\n\t\t}", []string{lessonHint}, []string{lateHint}, nil},
		{
			"add", "hints {\n\t\t\tadd " + quote(font) + " " + quote(other) + "\n\t\t}",
			[]string{font, other, lessonHint, lateHint},
			[]string{font, other, lateHint},
			[]string{font, other},
		},
		{"add and max", "hints {\n\t\t\tmax 2\n\t\t\tadd " + quote(font) + "\n\t\t}", []string{font, lessonHint}, []string{font, lateHint}, []string{font}},
		{"add what is there", "hints {\n\t\t\tadd " + quote(lateHint) + "\n\t\t}", []string{lateHint, lessonHint}, []string{lateHint}, []string{lateHint}},
		{"add what comes early", "hints {\n\t\t\tadd " + quote(lessonHint) + "\n\t\t}", []string{lessonHint, lateHint}, []string{lateHint}, []string{lessonHint}},
		{"add what no 103 can hold", "hints {\n\t\t\tadd " + quote(wide) + "\n\t\t}", []string{lessonHint, lateHint}, []string{wide, lateHint}, nil},
		{"off", "hints off", nil, nil, nil},
		{"off but for", "hints {\n\t\t\toff\n\t\t\tadd " + quote(font) + "\n\t\t}", []string{font}, []string{font}, []string{font}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := keysSite(t, test.option)
			v := newVisitor(t, "h2")
			hints := func(links []string) []interim {
				if links == nil {
					return nil
				}
				return hinting(links...)
			}
			l.serve("/", lessonHTML(wirePage))
			for range lessonVisits {
				l.hinted(t, v, "site", "/", hints(test.unlearned))
			}
			x := l.visit(t, v, "site", "/")
			if diff := cmp.Diff(hints(test.hints), x.Interim); diff != "" {
				t.Errorf("interim responses (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.link, x.Header["Link"]); diff != "" || x.headstart("level") != "shell" {
				t.Errorf("Link at level %v (-want +got):\n%s", x.headstart("level"), diff)
			}
		})
	}
}

// The values of one response are eight at most, and 1 KiB; what does not fit is left out,
// and what fits behind it is not.
func TestHintsLimits(t *testing.T) {
	sheet := func(length int, name string) (tag, hint string) {
		target := "/" + name + strings.Repeat("x", length)
		return `<link rel="stylesheet" href="` + target + `">`, "<" + target + ">; rel=preload; as=style"
	}
	long, longHint := sheet(600, "long")
	tooLong, _ := sheet(500, "toolong")
	var many strings.Builder
	var manyHints []string
	for i := range 2 * module.DefaultMaxHints {
		tag, hint := sheet(1, fmt.Sprint("many", i))
		many.WriteString(tag)
		manyHints = append(manyHints, hint)
	}
	page := func(tags string) string { return strings.Replace(lessonPage, "</head>", tags+"</head>", 1) }

	l := keysSite(t, "flush hints")
	v := newVisitor(t, "h2")
	for _, test := range []struct {
		name, page string
		want       []string
	}{
		{"bytes", page(long + tooLong + `<script async src="/late.js"></script>`), []string{lessonHint, longHint, lateHint}},
		{"count", page(many.String()), append([]string{lessonHint}, manyHints[:module.DefaultMaxHints-1]...)},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := "/" + test.name
			l.serve(path, lessonHTML(test.page))
			for range lessonVisits {
				l.visit(t, v, "site", path)
			}
			x := l.hinted(t, v, "site", path, hinting(test.want...))
			if size := len(strings.Join(x.Interim[0].Header["Link"], "")); size > module.MaxHintBytes {
				t.Errorf("%d bytes", size)
			}
		})
	}
}

// What JSON may hold is checked when the configuration is loaded.
func TestHintsOptionsAreChecked(t *testing.T) {
	c := &caddyServer{logs: newLogBook(t), dir: storageDir(t), ports: make(map[string]string)}
	config := reloadAdapt(t, c, reloadSite("site", "", "respond ok"))
	if !bytes.Contains(config, []byte(`"min_wait":0`)) {
		t.Fatalf("%s", config)
	}
	add := func(values ...string) string { return fmt.Sprintf(`"hints":{"add":[%s]}`, strings.Join(values, ",")) }
	many := make([]string, module.DefaultMaxHints+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"</%d.css>; rel=preload; as=style"`, i)
	}
	for option, want := range map[string]string{
		`"early_hints":"auto"`:                                "",
		`"early_hints":"on"`:                                  "",
		`"hints":{}`:                                          "",
		`"hints":{"max":32}`:                                  "",
		`"hints":{"off":true}`:                                "",
		add(many[:len(many)-1]...):                            "",
		`"early_hints":"sometimes"`:                           `early_hints: "sometimes" is not known; use auto, on or off`,
		`"hints":{"max":33}`:                                  "hints: max: 33 is out of range; use 1 to 32",
		`"hints":{"max":-1}`:                                  "hints: max: -1 is out of range; use 1 to 32",
		add(many...):                                          "hints: add: 9 values are more than max, which is 8",
		add(`"/a.css"`):                                       "it is not one Link value",
		add(`"</a>; rel=next"`):                               `rel is "next"; use preload, modulepreload or preconnect`,
		add(`"</a>; rel=preload"`):                            `as is ""; use style, script, font, image, fetch or track`,
		add(`"</a>; rel=preload; as=font"`):                   "fonts are fetched with crossorigin; add it",
		add(`"<http://a/b>; rel=preload; as=style"`):          `"http://a/b" is no target`,
		add(`"</a\r\nSet-Cookie: b>; rel=preload; as=style"`): "is no target",
		add(`"</` + strings.Repeat("x", 1100) + `>; rel=preload; as=style"`):      "bytes are too many; use at most 1024 for all",
		add(many[0], `"</`+strings.Repeat("x", 1000)+`>; rel=preload; as=style"`): "bytes are too many; use at most 1024 for all",
		`"hints":{"maximum":1}`: "unknown field",
		`"hints":{"add":["</a.css>; rel=preload; as=style; media=print"],"max":32}`: "no browser would use it",
	} {
		parsed := new(caddy.Config)
		err := caddy.StrictUnmarshalJSON(bytes.Replace(config, []byte(`"min_wait":0`), []byte(option), 1), parsed)
		if err == nil {
			err = caddy.Validate(parsed)
		}
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", option, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", option, err, want)
		}
	}
}
