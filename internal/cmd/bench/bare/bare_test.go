package bare

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// The page is whole, in whatever pieces it comes, and its beginning is there before the
// backend is asked.
func TestServeHTTP(t *testing.T) {
	const page = "<head></head><body>text</body>"
	for _, size := range []int{1, 5, len(page)} {
		h := &Handler{Opening: page[:13]}
		if err := h.Provision(caddy.Context{}); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		err := h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil), caddyhttp.HandlerFunc(func(inner http.ResponseWriter, _ *http.Request) error {
			if got := w.Body.String(); got != h.Opening || !w.Flushed {
				t.Errorf("%q came early, flushed: %v", got, w.Flushed)
			}
			inner.WriteHeader(http.StatusOK)
			for i := 0; i < len(page); i += size {
				if _, err := io.WriteString(inner, page[i:min(i+size, len(page))]); err != nil {
					return err
				}
			}
			return http.NewResponseController(inner).Flush()
		}))
		if err != nil || w.Body.String() != page {
			t.Errorf("pieces of %d: %q, error %v", size, w.Body.String(), err)
		}
	}
}
