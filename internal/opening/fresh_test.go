package opening

import (
	"net/http"
	"testing"
	"time"
)

func TestReusable(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) string { return now.Add(-d).Format(http.TimeFormat) }
	for _, test := range []struct {
		name   string
		status int
		header []string
		want   string
	}{
		{"max-age", 200, []string{"Cache-Control", "public, Max-Age=60"}, "yes"},
		{"immutable", 200, []string{"Cache-Control", "max-age=31536000, immutable"}, "yes"},
		{"too short", 200, []string{"Cache-Control", "max-age=1"}, "no"},
		{"old", 200, []string{"Cache-Control", "max-age=60", "Age", "55"}, "no"},
		{"no number", 200, []string{"Cache-Control", "max-age=x"}, "no"},
		{"no-store", 200, []string{"Cache-Control", "no-store, max-age=60"}, "no"},
		{"no-cache", 200, []string{"Cache-Control", "max-age=60", "Cache-Control", "no-cache", "Etag", `"x"`}, "no"},
		{"Expires", 200, []string{"Expires", ago(-time.Hour)}, "yes"},
		{"Expires, by the backend's clock", 200, []string{"Expires", ago(time.Hour), "Date", ago(2 * time.Hour)}, "yes"},
		{"expired", 200, []string{"Expires", "0"}, "no"},
		{"Last-Modified long ago", 200, []string{"Last-Modified", ago(time.Hour), "Etag", `"x"`}, "yes"},
		{"Last-Modified just now", 200, []string{"Last-Modified", ago(time.Second)}, "no"},
		{"nothing", 200, nil, "no"},
		{"not modified", 304, []string{"Etag", `"x"`}, "unknown"},
		{"not modified, no-cache", 304, []string{"Cache-Control", "no-cache"}, "no"},
		{"an error", 500, []string{"Cache-Control", "no-store"}, "unknown"},
		{"Vary", 200, []string{"Cache-Control", "max-age=60", "Vary", "Accept-Encoding, cookie"}, "yes"},
		{"Vary: Origin", 200, []string{"Cache-Control", "max-age=60", "Vary", "Accept-Encoding", "Vary", "Origin"}, "no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := make(http.Header)
			for i := 0; i < len(test.header); i += 2 {
				h.Add(test.header[i], test.header[i+1])
			}
			got := "no"
			switch reusable, known := Reusable(test.status, h, now); {
			case !known:
				got = "unknown"
			case reusable:
				got = "yes"
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
