package opening

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/splice"
)

// visitPage lets a clean visitor have a page, as the handler does, and returns the
// outcome with how much came early, or the reason why nothing did.
func (p *trial) visitPage(document string) string {
	plan := p.plan()
	answer := Answer{Depth: -1}
	if plan.Observe {
		answer.Observation = see(document)
	}
	if plan.Early == nil {
		if plan.Expected != nil && answer.Observation == nil {
			s := splice.New(plan.Expected, 0)
			s.Next([]byte(document))
			s.End()
			answer.Depth, answer.Expected = s.Depth(), plan.Expected
		}
		p.answer(answer)
		return string(plan.Reason)
	}
	s := splice.New(plan.Early.Sequence, plan.Early.Sent)
	s.Next([]byte(document))
	s.End()
	answer.Depth, answer.Expected = s.Depth(), plan.Early.Sequence
	outcome := "exact"
	switch {
	case s.State() == splice.Differs:
		outcome, answer.Depth = "reloaded", s.Stands()
		answer.Observation = see(document)
		p.Differed(p.visit, plan.Early.Sequence, s.Stands(), p.rules, p.now)
	case s.Repairs():
		outcome = "repaired"
		answer.Observation = see(document)
		p.Repaired(p.visit, plan.Early.Sequence, s.Depth(), p.rules, p.now)
	}
	p.answer(answer)
	level := "head"
	switch sent := string(plan.Early.Sequence.Body(plan.Early.Sent)); {
	case strings.Contains(sent, "</ul>"):
		level = "all"
	case sent != "":
		level = "top"
	}
	return outcome + " " + level
}

// A list that changes now and then costs one visitor a correction each time, and the
// others nothing but what stands behind the change. Where a script stands behind the
// list the page has to be loaded again, and learns to end before the list.
func TestFeed(t *testing.T) {
	const visits = 600
	for _, script := range []string{"", "<script>f()</script>"} {
		for _, every := range []int{6, 12, 30} {
			p := newTrial()
			p.rules.Shell = true
			counts := make(map[string]int)
			for i := range visits {
				p.now = p.now.Add(20 * time.Second)
				list := fmt.Sprintf("<ul><li>news %d</li><li>old</li></ul>", i/every)
				counts[p.visitPage(page+"</head><body><nav>x</nav><main>"+list+"<p>more</p>"+script+"</main></body></html>")]++
			}
			t.Logf("script %q, %d changes: %v", script, visits/every, counts)
			lost := counts["surprised"] + counts["not_learned"] + counts["unstable"] + counts["exact head"] + counts["reloaded head"]
			if lost > 3 {
				t.Errorf("%d of %d visits without a shell", lost, visits)
			}
			if reloads := counts["reloaded all"] + counts["reloaded top"]; script != "" && reloads > 12 { // the time between them is doubled each time
				t.Errorf("%d changes made the page load again %d times", visits/every, reloads)
			} else if script == "" && reloads > 0 {
				t.Errorf("%d reloads", reloads)
			}
			if deep := counts["exact all"]; script == "" && deep < visits/6 {
				t.Errorf("all of the page came early %d times of %d", deep, visits)
			}
		}
	}
}
