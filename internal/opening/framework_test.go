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

func (r response) observe(t *testing.T, what Scope) *Observation {
	t.Helper()
	if reason := Learnable(http.StatusOK, r.header, true); reason != "" {
		t.Fatalf("not learnable: %s", reason)
	}
	o, reason, _ := Observe(LearnHeaders(nil, r.header), r.body, true, what)
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
				o := r.observe(t, Scope{})
				lists = append(lists, o.Items)
				p.answer(Answer{Observation: o, Depth: -1})
			}
			var got strings.Builder
			for _, s := range mergeHeads(lists, false).steps {
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
			got.WriteString(describeShell(t, directory))
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

// describeShell says how much of the body is sent early, where that ends, and how the
// page is joined then.
func describeShell(t *testing.T, directory string) string {
	t.Helper()
	p := newTrial()
	p.rules.Shell = true
	var body []byte
	for i := range 3 {
		r := readResponse(t, filepath.Join(directory, fmt.Sprintf("%d.http", i+1)))
		o := r.observe(t, Scope{Shell: true})
		body = r.body
		p.answer(Answer{Observation: o, Depth: -1})
	}
	plan := p.plan()
	if plan.Early == nil || !plan.Early.Sequence.Shell(plan.Early.Sent) {
		return "no shell\n"
	}
	shell := plan.Early.Sequence.Body(plan.Early.Sent)
	total := len(body) - bytes.Index(body, []byte("</head>"))
	var got strings.Builder
	fmt.Fprintf(&got, "%d of %d bytes of the body are sent early, up to …%s\n", len(shell), total, describe(document.Item{Raw: shell[max(0, len(shell)-60):]}))
	for _, answer := range []string{"next", "deploy"} {
		outcome, _, _ := strings.Cut(joinAnswer(t, plan, readResponse(t, filepath.Join(directory, answer+".http"))), ",")
		fmt.Fprintf(&got, "%s: %s\n", answer, outcome)
	}
	return got.String()
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
	page = append(page, early.Bytes...)
	add := func(parts []splice.Part) {
		for _, part := range parts {
			page = append(page, part.Bytes...)
			if len(part.Edits) > 0 {
				page = append(page, recovery.Repair(recovery.Permission{Script: true}, part.Edits, recovery.Repaired{
					Secure: true, URL: "/", Body: early.Sequence.Shell(early.Sent),
				})...)
			}
		}
	}
	add(s.Next(stream))
	add(s.End())
	switch {
	case s.State() != splice.Joined:
		return "reloaded", nil
	case s.Repairs():
		return "repaired", page
	case s.Exact():
		return "exact", page
	}
	return "merged", page
}
