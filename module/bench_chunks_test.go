package module

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// BenchmarkChunk shows what a chunk of 1 KB costs behind the opening, flushed as
// reverse_proxy does it: the joiner or watcher as a whole, and next alone.
func BenchmarkChunk(b *testing.B) {
	page := chunks(1 << 10)
	chunk := bytes.Repeat([]byte("<p>What comes later.</p>\n"), 40)
	for _, c := range append([]benchCase{{name: "plain", header: chromeHeader, level: levelShell}}, benchCases...) {
		b.Run(c.name, func(b *testing.B) {
			site := newBenchSite(b, c, page)
			opening := site.next
			site.next = caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				if err := opening.ServeHTTP(w, r); err != nil {
					return err
				}
				control := http.NewResponseController(w)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := w.Write(chunk); err != nil {
						return err
					}
					if err := control.Flush(); err != nil {
						return err
					}
				}
				return nil
			})
			if c.name == "plain" {
				site.plain()
			} else {
				site.headstart()
			}
		})
	}
}
