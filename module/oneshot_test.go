package module_test

import (
	"strconv"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A visitor who leaves right behind the last byte, before the backend's
// connection says that there is no more, has got a whole page: it teaches, and
// it is exact.
func TestOneShotVisits(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		length := []string{"Content-Length", strconv.Itoa(len(wholePage))}
		eachProtocol(t, func(t *testing.T, v *visitor) {
			path := "/" + v.protocol
			for i := range 4 {
				// The backend's last byte comes, its end does not until the visitor
				// has left.
				gate := testorigin.NewGate()
				s.origin.Handle(path, append(htmlPage(wholePage, length...), testorigin.Wait(gate))...)
				r := s.visit(t, v, path)
				r.readUntil(t, "</html>\n")
				r.resp.Body.Close()
				s.c.logs.access(t, i+1, path)
				gate.Open()
			}
			last := s.c.logs.access(t, 4, path)[3]
			if last.field("headstart", "level") != string(at) || last.field("headstart", "outcome") != "exact" {
				t.Errorf("%v", last["headstart"])
			}
		})
	})
}
