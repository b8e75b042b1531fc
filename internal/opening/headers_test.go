package opening

import (
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLearnHeaders(t *testing.T) {
	base := http.Header{"Server": {"Caddy"}, "Alt-Svc": {"h3"}, "X-Outer": {"a"}, "X-Gone": {"a"}, "X-Changed": {"a"}}
	final := http.Header{
		"Alt-Svc": {"h3"}, "X-Outer": {"a", "b"}, "X-Changed": {"c"}, "Content-Type": {"text/html"},
		"Via": {"1.1 Caddy"}, "Date": {"x"}, "Set-Cookie": {"a=b"}, "Etag": {"x"}, "Content-Length": {"3"},
		"Surrogate-Key": {"x"}, "Fastly-Cdn-Cache-Control": {"x"}, "X-Accel-Expires": {"1"}, "Cache-Control": {"max-age=1"},
	}
	learned := LearnHeaders(base, final)

	// Another request: outer handlers may have set other values.
	h := http.Header{"Server": {"Caddy"}, "Alt-Svc": {"h4"}, "X-Outer": {"z"}, "X-Gone": {"z"}, "X-Changed": {"z"}}
	learned.Apply(h)
	want := http.Header{"Server": {"Caddy"}, "Alt-Svc": {"h4"}, "X-Outer": {"z", "b"}, "X-Changed": {"c"}, "Content-Type": {"text/html"}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
	if learned.Get("Content-Type") != "text/html" || learned.Get("Date") != "" {
		t.Error("Get")
	}
}

func TestDiffers(t *testing.T) {
	base := http.Header{}
	tests := []struct {
		name string
		a, b http.Header
		want string
	}{
		{"nothing", http.Header{"A": {"1"}}, http.Header{"A": {"1"}}, ""},
		{"a value", http.Header{"A": {"1"}, "B": {"1"}}, http.Header{"A": {"1"}, "B": {"2"}}, "B"},
		{"one more", http.Header{"A": {"1"}}, http.Header{"A": {"1"}, "B": {"2"}}, "B"},
		{"one less", http.Header{"A": {"1"}, "B": {"2"}}, http.Header{"B": {"2"}}, "A"},
		{"one more value", http.Header{"A": {"1"}}, http.Header{"A": {"1", "1"}}, "A"},
		{"harmless ones", http.Header{"Link": {"1"}, "X-Request-Id": {"1"}}, http.Header{"X-Runtime": {"2"}, "X-Amz-Cf-Id": {"a"}}, ""},
		{"never-replayed ones", http.Header{"Date": {"1"}, "Age": {"3"}}, http.Header{"Date": {"2"}}, ""},
		{"an ignored one", http.Header{"X-Mine": {"1"}}, http.Header{}, ""},
		{"the type", http.Header{"Content-Type": {"text/html"}}, http.Header{"Content-Type": {"text/plain"}}, "Content-Type"},
		{"the policy", http.Header{"Content-Security-Policy": {"a"}}, http.Header{}, "Content-Security-Policy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := LearnHeaders(base, test.a), LearnHeaders(base, test.b)
			ignored := Ignored{"X-Mine": true}
			if got := a.Differs(b, ignored); got != test.want {
				t.Errorf("differs in %q, want %q", got, test.want)
			}
			if got := b.Differs(a, ignored); got != test.want {
				t.Errorf("the other way round in %q, want %q", got, test.want)
			}
		})
	}
}

// Applied to the base it was learned from, a header map comes out as it was, but
// for what is never replayed.
func TestApplyProperty(t *testing.T) {
	maps := rapid.MapOf(
		rapid.SampledFrom([]string{"A", "B", "C", "Server", "Via", "Date", "Vary", "Link"}),
		rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2"}), 1, 3),
	)
	rapid.Check(t, func(t *rapid.T) {
		base, final := http.Header(maps.Draw(t, "base")), http.Header(maps.Draw(t, "final"))
		got := base.Clone()
		LearnHeaders(base, final).Apply(got)
		want := final.Clone()
		for _, h := range []http.Header{base, want, got} {
			for name := range h {
				if neverReplayed.has(name) {
					delete(h, name)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLearnable(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header http.Header
		want   Reason
	}{
		{"a page", 200, nil, ""},
		{"a cookie", 200, http.Header{"Set-Cookie": {"a=b"}}, ""},
		{"public", 200, http.Header{"Cache-Control": {"public, max-age=60"}}, ""},
		{"not found", 404, nil, Status},
		{"created", 201, nil, Status},
		{"plain text", 200, http.Header{"Content-Type": {"text/plain"}}, NotHTML},
		{"no type", 200, http.Header{"Content-Type": nil}, NotHTML},
		{"a broken type", 200, http.Header{"Content-Type": {"text/html; charset"}}, NotHTML},
		{"XHTML", 200, http.Header{"Content-Type": {"application/xhtml+xml"}}, NotHTML},
		{"Shift_JIS", 200, http.Header{"Content-Type": {"text/html; charset=Shift_JIS"}}, NotHTML},
		{"UTF-16", 200, http.Header{"Content-Type": {"text/html; charset=utf-16"}}, NotHTML},
		{"upper case", 200, http.Header{"Content-Type": {"Text/HTML; Charset=UTF-8"}}, ""},
		{"compressed", 200, http.Header{"Content-Encoding": {"gzip"}}, BackendEncodes},
		{"no-store", 200, http.Header{"Cache-Control": {"No-Store"}}, NoStore},
		{"private", 200, http.Header{"Cache-Control": {"max-age=0, Private"}}, Private},
		{"private fields", 200, http.Header{"Cache-Control": {`private="x-a"`}}, Private},
		{"no-transform", 200, http.Header{"Cache-Control": {"no-transform"}}, NoTransform},
		{"two fields", 200, http.Header{"Cache-Control": {"public", "no-store"}}, NoStore},
		{"Vary: *", 200, http.Header{"Vary": {"Accept, *"}}, VaryAll},
		{"Vary: User-Agent", 200, http.Header{"Vary": {"user-agent"}}, ""},
		{"Clear-Site-Data", 200, http.Header{"Clear-Site-Data": {`"*"`}}, Special},
		{"Refresh", 200, http.Header{"Refresh": {"5"}}, Special},
		{"a download", 200, http.Header{"Content-Disposition": {"attachment"}}, Special},
		{"trailers", 200, http.Header{"Trailer": {"X"}}, Special},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
			maps.Copy(h, test.header)
			if got := Learnable(test.status, h, false); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if got := Committable(test.status, h); h["Vary"] != nil && got == "" {
				t.Error("may be committed")
			}
		})
	}
	private := http.Header{"Content-Type": {"text/html"}, "Cache-Control": {"private"}}
	if got := Learnable(200, private, true); got != "" {
		t.Errorf("with learn_private: %q", got)
	}
	store := http.Header{"Content-Type": {"text/html"}, "Cache-Control": {"no-store"}}
	if got := Committable(200, store); got != "" || StrictnessOf(store) != Storing {
		t.Errorf("no-store for a signed-in visitor: %q", got)
	}
}

func TestVaryNames(t *testing.T) {
	got := VaryNames(http.Header{"Vary": {"Cookie, accept-language,, Accept-Encoding", "Save-Data, Accept-Language"}})
	if diff := cmp.Diff([]string{"Accept-Language", "Save-Data"}, got); diff != "" {
		t.Error(diff)
	}
}
