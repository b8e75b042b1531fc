package main

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

const (
	// mostSteps bounds how often a visit goes on: by a recovery, then by another
	// one where that has led.
	mostSteps = 6
	// mostRetries is how often a request is made again on another connection.
	mostRetries = 3
	// verdictPatience is how long the access log may take: what was parked ends
	// only when the backend does.
	verdictPatience = 20 * time.Second
)

// visit makes a request and goes where recoveries lead, as fast as browsers do. Then
// it judges all responses on the way.
func (s *soak) visit(ctx context.Context, q *request) {
	var steps []*evidence
	for len(steps) < mostSteps && q != nil {
		e := s.send(ctx, q)
		steps = append(steps, e)
		if e.got.leads == nil || e.got.left || ctx.Err() != nil {
			break
		}
		s.steal(ctx, q, e.got.leads)
		q = follow(q, e.got.leads)
	}
	if last := steps[len(steps)-1]; len(steps) == mostSteps && last.got.leads != nil && !last.got.left {
		s.keep(last, faultLoop, fmt.Sprintf("after %d steps", mostSteps))
	}
	var parked *answer
	for _, e := range steps {
		s.settle(ctx, e, parked)
		parked = e.answer
	}
	for _, e := range steps {
		s.origin.forget(e.request.id)
	}
}

// steal lets somebody else try to collect what was parked for a visitor with
// cookies. That must get what anybody gets, and leave it to the visitor.
func (s *soak) steal(ctx context.Context, q *request, leads *leading) {
	if leads.cookie == "" || q.header.Get("Cookie") == "" || q.manner == "keeps no cookie" {
		return
	}
	thief := *q
	thief.header, thief.manner, thief.again, thief.user = q.header.Clone(), "reads", "theft", 0
	thief.header.Set("Cookie", leads.cookie)
	e := s.send(ctx, &thief)
	s.settle(ctx, e, nil)
	s.origin.forget(thief.id)
}

// send makes one request, again if its connection was closed as browsers do.
func (s *soak) send(ctx context.Context, q *request) *evidence {
	for try := 0; ; try++ {
		q.id = s.ids.Add(1)
		e := &evidence{request: q, verdicts: s.log.expect(q.id)}
		e.got = s.load(ctx, q)
		// A connection that was closed before there was a response, as a reload of
		// the configuration does, and before the backend got to know of it.
		if e.got.status != 0 || e.got.left || try == mostRetries || s.origin.answerTo(q.id) != nil {
			return e
		}
		reached := s.await(ctx, e, 100*time.Millisecond)
		s.log.forget(q.id)
		s.tally.count("retried", fmt.Sprintf("%s, reached Headstart: %v: %s", q.way, reached, shortened(e.got.err)))
	}
}

// settle finds out all that is known of a response, and judges it. parked is the
// backend's answer that it may have collected.
func (s *soak) settle(ctx context.Context, e *evidence, parked *answer) {
	q, got := e.request, e.got
	defer s.log.forget(q.id)
	if users := strangers(got, q.user); len(users) > 0 {
		s.keep(e, faultPrivate, fmt.Sprint("of users ", users))
	}
	if repeated := s.tally.repeated(got.header.Get("Content-Security-Policy")); repeated != "" {
		s.keep(e, faultNonce, repeated)
	}
	patience := verdictPatience
	if got.left && got.status == 0 { // it may never have reached Caddy
		patience = time.Second
	}
	known := s.await(ctx, e, patience)
	e.answer = s.origin.answerTo(q.id)
	e.refused = s.origin.wasDown(got.from, got.until)
	if !known {
		if !got.left {
			s.keep(e, faultSilence, fmt.Sprint("error ", got.err))
		}
		return
	}
	switch {
	case e.verdict.Reason != "collected":
	case e.answer == nil:
		e.answer = parked
	default:
		s.keep(e, faultPage, "collected what was parked, and asked the backend all the same")
	}
	if e.answer != nil && !got.left {
		s.tally.count("backend", e.answer.name())
	}
	if what, detail := e.judge(); what != "" {
		s.keep(e, what, detail)
	}
	if q.again == "reload" && e.verdict.committed() {
		s.keep(e, faultLoop, "")
	}
	if q.again != "" {
		s.tally.count("again", q.again+": "+e.verdict.Level+" "+e.verdict.Reason)
	}
	s.tally.time(e)
}

// await reports whether the verdict came in time.
func (s *soak) await(ctx context.Context, e *evidence, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e.verdict = <-e.verdicts:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// follow returns the request to which a recovery script leads, nil if it is one for
// somebody else.
func follow(q *request, leads *leading) *request {
	next := *q
	next.header = q.header.Clone()
	next.manner = "reads"
	next.again = "reload"
	if leads.cookie != "" && q.manner != "keeps no cookie" {
		// Browsers send the newest cookie last (RFC 6265 section 5.4).
		if others := next.header.Get("Cookie"); others != "" {
			next.header.Set("Cookie", others+"; "+leads.cookie)
		} else {
			next.header.Set("Cookie", leads.cookie)
		}
	}
	if leads.url != "" {
		u, err := url.Parse(leads.url)
		if err != nil {
			return nil
		}
		next.path, next.query, next.again = u.Path, u.RawQuery, "redirect"
	}
	return &next
}
