package domtest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// Check returns an error if the visitor's bytes do not deserve the outcome that
// Headstart claims for them: "exact", the backend's bytes but for padding;
// "merged", the same page by [Diff], at most behind scripts that move what came late
// into the head; "repaired", the same page behind scripts that correct it, which
// begin with scriptPrefix and are run by [Repair]. Any other outcome is none of a
// whole page: Check returns nil, and the caller looks at the recovery.
//
// An error that wraps [ErrNotParsed] means that there is no judgement because
// the backend's page has no tree.
func Check(backend, visitor []byte, outcome, scriptPrefix string) error {
	switch outcome {
	case "exact":
		return checkExact(backend, visitor)
	case "merged", "repaired":
	default:
		return nil
	}
	want, err := Parse(backend)
	if err != nil {
		return fmt.Errorf("the backend's page: %w", err)
	}
	got, err := Parse(visitor)
	if err != nil {
		return fmt.Errorf("the visitor's page cannot be parsed, the backend's can: %v", err) //nolint:errorlint // this one is a judgement
	}
	effect, err := Repair(got, scriptPrefix)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", outcome, err)
	case outcome == "merged" && effect == Corrected:
		return errors.New("merged: a recovery script corrects the page")
	case outcome == "repaired" && effect != Corrected:
		return errors.New("repaired: no recovery script corrects the page")
	}
	if d := Diff(want, got); d != "" {
		return fmt.Errorf("%s: %s", outcome, d)
	}
	return nil
}

// checkExact compares bytes. The visitor may have one run of line feeds more, in
// a place where the parser drops it: behind a byte order mark and the doctype,
// between comments, in front of the first tag or text (HTML section 13.2.6.4.1
// to 13.2.6.4.3).
func checkExact(backend, visitor []byte) error {
	padding := len(visitor) - len(backend)
	if padding <= 0 {
		if !bytes.Equal(backend, visitor) {
			return differs(backend, visitor)
		}
		return nil
	}
	for _, at := range paddable(backend) {
		run := visitor[at : at+padding]
		if bytes.HasPrefix(visitor, backend[:at]) && bytes.HasSuffix(visitor, backend[at:]) &&
			len(bytes.Trim(run, "\n")) == 0 {
			return nil
		}
	}
	return differs(backend, visitor)
}

func differs(backend, visitor []byte) error {
	at := 0
	for at < len(backend) && at < len(visitor) && backend[at] == visitor[at] {
		at++
	}
	excerpt := func(b []byte) []byte { return b[at:min(at+40, len(b))] }
	return fmt.Errorf("exact: from byte %d: %q, the backend has %q", at, excerpt(visitor), excerpt(backend))
}

// paddable returns the offsets at which padding may stand in a page.
func paddable(page []byte) []int {
	at := len(page) - len(bytes.TrimPrefix(page, bom))
	offsets := []int{at}
	z := html.NewTokenizer(bytes.NewReader(page[at:]))
	for {
		switch z.Next() {
		case html.DoctypeToken: // nothing in front of it
			at += len(z.Raw())
			offsets = append(offsets[:0], at)
		case html.CommentToken:
			at += len(z.Raw())
			offsets = append(offsets, at)
		case html.TextToken:
			raw := string(z.Raw())
			blank := len(raw) - len(strings.TrimLeft(raw, space))
			for i := range blank {
				offsets = append(offsets, at+i+1)
			}
			if blank < len(raw) {
				return offsets
			}
			at += blank
		default:
			return offsets
		}
	}
}
