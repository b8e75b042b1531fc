package request

import (
	"net/http"
	"testing"
)

// A visitor with cookies returns if one of them is a session's, or if it cannot be
// told. Nobody with a cookie teaches.
func TestSessionCookie(t *testing.T) {
	options := &Options{SessionCookie: Cookies{"sessionid", "wordpress_logged_in_*", "__Host-s"}}
	tests := []struct {
		name    string
		cookies []string
		want    Audience
	}{
		{"none", nil, Anonymous},
		{"the session", []string{"sessionid=abc"}, Returning},
		{"the session among others", []string{"_ga=GA1.1.2; theme=dark; sessionid=abc; lang=de"}, Returning},
		{"an ending of a name with *", []string{"wordpress_logged_in_5f3=x"}, Returning},
		{"the bare start of it", []string{"wordpress_logged_in_=x"}, Returning},
		{"an empty session", []string{"sessionid="}, Returning},
		{"a prefix is part of the name", []string{"__Host-s=1"}, Returning},

		{"others", []string{"_ga=GA1.1.2; theme=dark"}, Anonymous},
		{"an empty value", []string{"theme="}, Anonymous},
		{"a quoted value", []string{`theme="dark"`}, Anonymous},
		{"a value with =", []string{"prefs=a=b&c=d"}, Anonymous},
		{"a consent, encoded", []string{"consent=%7B%22ads%22%3Afalse%7D"}, Anonymous},
		{"another case", []string{"SessionID=abc"}, Anonymous},
		{"a longer name", []string{"sessionid2=abc"}, Anonymous},
		{"a shorter name", []string{"session=abc"}, Anonymous},
		{"an encoded name", []string{"session%69d=abc"}, Anonymous},
		{"the name in a value", []string{"a=sessionid"}, Anonymous},

		{"nothing", []string{""}, Returning},
		{"no name", []string{"=a"}, Returning},
		{"no =", []string{"theme"}, Returning},
		{"two lines", []string{"theme=dark", "lang=de"}, Returning},
		{"no space behind ;", []string{"theme=dark;lang=de"}, Returning},
		{"two spaces behind ;", []string{"theme=dark;  lang=de"}, Returning},
		{"; at the end", []string{"theme=dark;"}, Returning},
		{"a space in a name", []string{"the me=dark"}, Returning},
		{"a space in a value", []string{"theme=dark blue"}, Returning},
		{"a comma, which was a separator once", []string{"theme=dark,sessionid=abc"}, Returning},
		{"a quote that is not closed", []string{`theme="dark; lang=de"`}, Returning},
		{"a lone quote", []string{`theme="`}, Returning},
		{"JSON", []string{`consent={"ads":false}`}, Returning},
		{"UTF-8", []string{"name=Ä"}, Returning},
		{"a control character", []string{"theme=\x01"}, Returning},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, facts := visit()
			if test.cookies != nil {
				r.Header["Cookie"] = test.cookies
			}
			v := Inspect(r, known(facts), options)
			if v.Audience != test.want || !v.Commit || v.Learn != (test.cookies == nil) {
				t.Errorf("%+v, want %v", v, test.want)
			}
			if v = Inspect(r, known(facts), nil); (v.Audience == Returning) != (test.cookies != nil) {
				t.Errorf("without the option: %+v", v)
			}
		})
	}
	r, facts := visit()
	r.Header = http.Header{"User-Agent": {"Googlebot/2.1"}, "Cookie": {"sessionid=abc"}}
	if v := Inspect(r, known(facts), options); v.Audience != Crawler {
		t.Errorf("a crawler with a session: %+v", v)
	}
}
