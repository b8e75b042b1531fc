package request

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every listed crawler is known by its documented User-Agent, and by each of its
// words in any case, and may be answered early and teach.
func TestCrawlers(t *testing.T) {
	label := regexp.MustCompile(`^[a-z_]+$`)
	seen := make(map[Family]bool)
	visitBy := func(agent string) Verdict {
		r, facts := visit()
		r.Header = http.Header{"User-Agent": {agent}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip, br"}}
		return Inspect(r, known(facts), nil)
	}
	for _, c := range crawlers {
		if !label.MatchString(string(c.family)) || seen[c.family] || c.family == Other {
			t.Errorf("%q is no label, or listed twice", c.family)
		}
		seen[c.family] = true
		for _, agent := range append([]string{c.agent}, c.words...) {
			v := visitBy(agent)
			if v.Crawler != c.family || v.Audience != Crawler || !v.Commit || !v.Learn {
				t.Errorf("%s: %+v", agent, v)
			}
		}
	}
}

func TestFamily(t *testing.T) {
	tests := map[string]Family{
		"GOOGLEBOT/2.1":                          "googlebot",
		"Mozilla/5.0 (compatible; Bingbot/2.0)":  "bingbot",
		"Googlebot-Image/1.0":                    "googlebot",
		"Mozilla/5.0 (x) (compatible;Googlebot)": "googlebot",
		"Not-Googlebot/1.0":                      "",
		"NotGooglebotReally":                     "",
		"NotGooglebot":                           "",
		"Googlebots/1.0":                         "",
		"Googlebot2/1.0":                         "",
		"Googlebot_/1.0":                         "",
		"Googlebo":                               "",
		"my-bingbot":                             "",
		"":                                       "",
		chrome:                                   "",
	}
	for agent, want := range tests {
		if got := familyOf(agent); got != want || IsCrawler(agent) != (want != "") {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

// Who calls itself a bot and is not listed is counted, and no navigation.
func TestOtherBots(t *testing.T) {
	tests := []struct {
		name    string
		headers http.Header
		want    Family
	}{
		{"a bot", http.Header{"User-Agent": {"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"}, "Accept": {"text/html"}}, Other},
		{"a crawler", http.Header{"User-Agent": {"FooCrawler/1"}, "Accept": {"text/html"}}, Other},
		{"a spider", http.Header{"User-Agent": {"Sogou web spider/4.0"}, "Accept": {"*/*"}}, Other},
		{"a program", http.Header{"User-Agent": {"curl/8"}, "Accept": {"*/*"}}, ""},
		{"nobody", http.Header{}, ""},
		{"a listed one, for an image", http.Header{"User-Agent": {"Googlebot-Image/1.0"}, "Accept": {"image/*"}}, "googlebot"},
		{"what a listed one's page needs", http.Header{"User-Agent": {"Googlebot/2.1"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"style"}}, ""},
		{"a phone of the make Cubot", http.Header{"User-Agent": {"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) Chrome/99"}, "Upgrade-Insecure-Requests": {"1"}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, facts := visit()
			r.Header = test.headers
			if v := Inspect(r, known(facts), nil); v.Navigation || v.Commit || v.Crawler != test.want {
				t.Errorf("%+v, want %q", v, test.want)
			}
		})
	}
	// A browser-like navigation stays one, whatever it calls itself.
	r, facts := visit()
	r.Header.Set("User-Agent", "Mozilla/5.0 (compatible; FooBot/1.0)")
	if v := Inspect(r, known(facts), nil); v.Crawler != "" || v.Audience != Anonymous || !v.Commit {
		t.Errorf("%+v", v)
	}
}

// For the demand that one who taught a page was a browser's visitor.
func TestIsBrowser(t *testing.T) {
	for agent, want := range map[string]bool{
		chrome: true,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0": true,
		"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) Chrome/99":                                  true,
		crawlers[0].agent: false,
		"Mozilla/5.0 (Linux; Android 6.0.1) Chrome/141.0 (compatible; Googlebot/2.1)": false,
		"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)":          false,
		"curl/8": false,
		"":       false,
	} {
		if IsBrowser(agent, familyOf(agent)) != want {
			t.Errorf("%q: %v", agent, !want)
		}
	}
}

// The README lists every crawler, with its words.
func TestCrawlersAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range crawlers {
		if row := "| `" + string(c.family) + "` | " + strings.Join(c.words, ", ") + " |\n"; !strings.Contains(string(readme), row) {
			t.Errorf("the README has no row %q", row)
		}
	}
}
