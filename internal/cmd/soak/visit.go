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

// visit makes a request, goes where recoveries lead, and judges all responses on
// the way.
func (s *soak) visit(ctx context.Context, q *request) {
	var before []uint64 // ids whose answers may have been parked
	var parked *answer
	defer func() {
		for _, id := range before {
			s.origin.forget(id)
		}
	}()
	for range mostSteps {
		e, ok := s.exchange(ctx, q)
		before = append(before, q.id)
		if !ok {
			return
		}
		if e.verdict.Reason == "collected" {
			if e.answer == nil {
				e.answer = parked
			} else {
				s.tally.find(e.fault(faultPage, "collected what was parked, and asked the backend all the same"))
			}
		}
		if e.answer != nil && !e.got.left {
			s.tally.count("backend", e.answer.name())
		}
		if what, detail := e.judge(); what != "" {
			s.keep(e, what, detail)
		}
		if q.again == "reload" && e.verdict.Level != "none" {
			s.keep(e, faultLoop, "")
		}
		if q.again != "" {
			s.tally.count("again", q.again+": "+e.verdict.Level+" "+e.verdict.Reason)
		}
		s.tally.time(e)
		if e.got.leads == nil || e.got.left {
			return
		}
		parked = e.answer
		s.steal(ctx, q, e.got.leads)
		if q = follow(q, e.got.leads); q == nil {
			return
		}
	}
	s.tally.find(fault{What: faultLoop, Request: q.String(), Detail: fmt.Sprintf("after %d steps", mostSteps)})
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
	e, ok := s.exchange(ctx, &thief)
	if !ok {
		return
	}
	s.tally.count("again", thief.again+": "+e.verdict.Level+" "+e.verdict.Reason)
	if what, detail := e.judge(); what != "" {
		s.keep(e, what, detail)
	}
	s.origin.forget(thief.id)
}

// exchange makes one request, again if its connection was closed as browsers do.
// It reports false if there is nothing to judge.
func (s *soak) exchange(ctx context.Context, q *request) (evidence, bool) {
	for try := 0; ; try++ {
		q.id = s.ids.Add(1)
		verdicts := s.log.expect(q.id)
		got := s.load(ctx, q)
		e := evidence{request: q, got: got}
		if users := strangers(got, q.user); len(users) > 0 {
			s.keep(e, faultPrivate, fmt.Sprint("of users ", users))
		}
		if repeated := s.tally.repeated(got.header.Get("Content-Security-Policy")); repeated != "" {
			s.keep(e, faultNonce, repeated)
		}
		if ctx.Err() != nil {
			s.log.forget(q.id)
			s.origin.forget(q.id)
			return e, false
		}
		// A connection that was closed before there was a response, as a reload of
		// the configuration does, and before the backend got to know of it.
		if got.status == 0 && !got.left && try < mostRetries && s.origin.answerTo(q.id) == nil {
			s.log.forget(q.id)
			s.tally.count("retried", fmt.Sprintf("%s, connection used before: %v: %s", q.way, got.reused, shortened(got.err)))
			continue
		}
		patience := verdictPatience
		if got.left && got.status == 0 { // it may never have reached Caddy
			patience = time.Second
		}
		known := s.await(ctx, verdicts, patience, &e)
		s.log.forget(q.id)
		e.answer = s.origin.answerTo(q.id)
		e.refused = s.origin.wasDown(got.from, got.until)
		if !known {
			if !got.left && ctx.Err() == nil {
				s.keep(e, faultSilence, fmt.Sprint("error ", got.err))
			}
			s.origin.forget(q.id)
			return e, false
		}
		return e, true
	}
}

func (s *soak) await(ctx context.Context, verdicts <-chan verdict, patience time.Duration, e *evidence) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case e.verdict = <-verdicts:
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
