package opening

import (
	"testing"

	"github.com/headstart-proxy/headstart/internal/splice"
)

// What a response bears out says that it asks for what is hinted; what is not in the steps
// has to be looked for.
func TestWithin(t *testing.T) {
	const script = "<script src=late.js></script>"
	for _, test := range []struct {
		name, document        string
		beyond, beyondOfShell bool // there is more than the steps
	}{
		{"in the head", page + "</head><body><p>x</p></body>", false, false},
		{"in the body", page + "</head><body><p>x</p>" + script + "<p>y</p></body>", false, false},
		{"late", page + "<script async src=a.js></script></head><body><p>x</p>" + script + "<p>y</p></body>", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTrial()
			p.rules.Shell = true
			for range 3 {
				p.answer(Answer{Observation: see(test.document), Reason: SetsCookie, Depth: -1})
			}
			plan := p.plan()
			if !plan.Checks || plan.Expected == nil {
				t.Fatalf("nothing is checked: %+v", plan)
			}
			all := plan.Expected.Len()
			if beyond := plan.Within > all; beyond != test.beyond {
				t.Errorf("what is hinted is within %d steps of %d", plan.Within, all)
			}
			if beyond := plan.WithinBody > all; beyond != test.beyondOfShell {
				t.Errorf("what is hinted of the body is within %d steps of %d", plan.WithinBody, all)
			}
		})
	}
}

// A hint that a response did not ask for is back when one that is compared bears out what
// asks for it.
func TestBorneOutAgain(t *testing.T) {
	p := newTrial()
	for range 3 {
		p.answer(Answer{Observation: see(page + "</head>"), Reason: SetsCookie, Depth: -1})
	}
	p.visit.Learn = false
	p.answer(Answer{Asked: Unreadable(), Reason: SetsCookie, Depth: -1})
	if plan := p.plan(); len(plan.Hints) > 0 {
		t.Fatalf("hinted are %v", plan.Hints)
	}
	plan := p.plan()
	s := splice.New(plan.Expected, 0)
	s.Next([]byte(page + "</head><body>"))
	s.End()
	p.answer(Answer{Depth: s.Depth(), Expected: plan.Expected, Reason: SetsCookie})
	if plan := p.plan(); len(plan.Hints) != 1 {
		t.Errorf("hinted are %v", plan.Hints)
	}
}
