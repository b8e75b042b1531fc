package opening

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/splice"
)

var update = flag.Bool("update", false, "write the golden files anew")

// response is one of the responses of a fixture.
type response struct {
	header http.Header
	body   []byte
}

func readResponse(t *testing.T, file string) response {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{r.Header, body}
}

func (r response) observe(t *testing.T) *Observation {
	t.Helper()
	if reason := Learnable(http.StatusOK, r.header, true); reason != "" {
		t.Fatalf("not learnable: %s", reason)
	}
	o, reason, _ := Observe(LearnHeaders(nil, r.header), r.body, true)
	if reason != "" {
		t.Fatalf("not learnable: %s", reason)
	}
	return o
}

// What is flushed of the pages of real frameworks, what is deferred, what could
// be hinted, and where a barrier stands: the golden files tell. The page is then
// committed, and joined with what the backend answers later, and after a deploy.
func TestFrameworks(t *testing.T) {
	files, err := filepath.Glob("testdata/frameworks/*/1.http")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, file := range files {
		directory := filepath.Dir(file)
		t.Run(filepath.Base(directory), func(t *testing.T) {
			p := newTrial()
			var lists [][]document.Item
			for i := range 3 {
				r := readResponse(t, filepath.Join(directory, fmt.Sprintf("%d.http", i+1)))
				o := r.observe(t)
				lists = append(lists, o.Items)
				p.answer(Answer{Observation: o, Depth: -1})
			}
			var got strings.Builder
			for _, s := range mergeHeads(lists, false) {
				if s.item.Kind != document.Space {
					fmt.Fprintf(&got, "%-8s  %s\n", s.fate, describe(s.item))
				}
			}
			plan := p.plan()
			if plan.Early == nil {
				fmt.Fprintf(&got, "not committed: %s %s\n", plan.Reason, plan.Differs)
			} else {
				fmt.Fprintf(&got, "%d of %d bytes of the head are sent early\n",
					plan.Early.Sequence.Size(plan.Early.Sent), splice.NewSequence(lists[0]).Size(len(lists[0])))
				for _, link := range plan.Links {
					fmt.Fprintf(&got, "Link: %s\n", link)
				}
				for _, answer := range []string{"next", "deploy"} {
					fmt.Fprintf(&got, "%s: %s\n", answer, joinAnswer(t, plan, readResponse(t, filepath.Join(directory, answer+".http"))))
				}
			}
			golden := filepath.Join(directory, "golden.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// describe shortens an item to one line.
func describe(item document.Item) string {
	text := strings.Join(strings.Fields(string(item.Raw)), " ")
	for i, n := range neutral {
		text = strings.ReplaceAll(text, n[:24], fmt.Sprintf("NONCE%d", i))
	}
	if len(text) > 110 {
		text = text[:110] + "…"
	}
	return text
}

// joinAnswer commits a plan, joins an answer onto it, and checks what the visitor
// has then. It returns the outcome.
func joinAnswer(t testing.TB, plan Plan, answer response) string {
	t.Helper()
	nonces := Fresh(plan.Nonces)
	early := plan.Early.Replace(plan.Nonces, nonces)
	headers := LearnHeaders(nil, answer.header)
	from, _ := headers.Nonces()
	if name := plan.Headers.Differs(headers.Replace(from, Neutral(from)), nil); name != "" {
		return "another " + name
	}
	stream := replaceAll(answer.body, from, nonces)
	outcome, page := joinStream(early, stream)
	err := domtest.Check(stream, page, outcome, recovery.Prefix)
	if err != nil && !errors.Is(err, domtest.ErrNotParsed) {
		t.Fatalf("%s: %v\n%s", outcome, err, page)
	}
	if outcome == "reloaded" || outcome == "repaired" {
		return outcome
	}
	return fmt.Sprintf("%s, %d bytes come late", outcome, bytes.Index(page[len(early.Bytes):], []byte("</head>")))
}

// joinStream returns what the visitor of a commit has in the end.
func joinStream(early *Early, stream []byte) (outcome string, page []byte) {
	s := splice.New(early.Sequence, early.Sent)
	out, rest := s.Next(stream)
	lateOut, lateRest := s.End()
	page = append(append(append(page, early.Bytes...), out...), lateOut...)
	switch {
	case s.State() != splice.Joined:
		return "reloaded", nil
	case len(s.Edits()) > 0:
		outcome = "repaired"
		page = append(page, recovery.Repair(recovery.Permission{Script: true}, s.Edits(), true, "/", false)...)
	case s.Exact():
		outcome = "exact"
	default:
		outcome = "merged"
	}
	return outcome, append(append(page, rest...), lateRest...)
}
