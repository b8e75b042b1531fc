package splice_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/splice"
)

// A head without end is not merged for ever: it is loaded again, and a Splicer
// that only measures stops.
func TestEndlessHead(t *testing.T) {
	sent := items("<head><title>x</title><link rel=stylesheet href=a>")
	for _, n := range []int{0, len(sent)} {
		s := splice.New(splice.NewSequence(sent), n)
		s.Next([]byte("<head>"))
		for i := range 4000 {
			s.Next([]byte(fmt.Sprintf("<meta nonce=%d>", i) + strings.Repeat("<style>a{}</style>", 60)))
		}
		if s.Measuring() && s.State() != splice.Differs || n > 0 && s.State() != splice.Differs {
			t.Errorf("%d sent: state %v, measuring %v", n, s.State(), s.Measuring())
		}
	}
}
