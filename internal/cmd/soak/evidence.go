package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// What can be wrong.
const (
	faultPage    = "wrong page"       // the visitor did not end up with the backend's
	faultFailure = "failed request"   // the plain proxy would have served it
	faultPrivate = "private bytes"    // of somebody else
	faultNonce   = "repeated nonce"   // in two responses
	faultEnd     = "wrong end"        // looks whole and is not, or the other way round
	faultSilence = "no verdict"       // nothing in the access log
	faultOutcry  = "outcry"           // Caddy panicked, or wrote what is no log
	faultLeak    = "growing"          // memory or goroutines
	faultReload  = "refused reload"   // of the configuration
	faultLoop    = "recovers forever" // the reload of a page was sent early, too
)

// A fault is one thing that is wrong.
type fault struct {
	What    string `json:"what"`
	Request string `json:"request,omitempty"`
	Verdict string `json:"verdict,omitempty"`
	Backend string `json:"backend,omitempty"`
	Detail  string `json:"detail"`
}

// An evidence is one response with all that is known of it.
type evidence struct {
	request  *request
	got      *loaded
	verdicts <-chan verdict // where the verdict comes

	// Written by settle.
	verdict verdict
	answer  *answer // the backend's; nil if the request never came there
	refused bool    // the backend refused connections meanwhile
}

// keep notes a fault in a response, with the bytes of both sides if there is a
// folder for them.
func (s *soak) keep(e *evidence, what, detail string) {
	if !s.tally.find(e.fault(what, detail)) || s.folder == "" {
		return
	}
	name := filepath.Join(s.folder, fmt.Sprint(e.request.id))
	text := fmt.Sprintf("%s\n%s\n%+v\n%d\n", e.request, detail, e.verdict, e.got.status)
	for _, file := range []struct {
		ending string
		write  func(io.Writer) error
	}{
		{".txt", func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			if err == nil && e.got.header != nil {
				err = e.got.header.Write(w)
			}
			return err
		}},
		{".visitor.html", func(w io.Writer) error { _, err := w.Write(e.got.body); return err }},
		{".backend.html", func(w io.Writer) error {
			if e.answer == nil {
				return nil
			}
			_, err := w.Write(e.answer.body)
			return err
		}},
	} {
		if err := create(name+file.ending, file.write); err != nil {
			s.say("keeping evidence: %v", err)
		}
	}
}

func (e *evidence) fault(what, detail string) fault {
	f := fault{What: what, Request: e.request.String(), Verdict: fmt.Sprintf("%+v", e.verdict), Detail: detail}
	if e.answer != nil {
		f.Backend = e.answer.name()
	}
	return f
}

// name says what kind of answer it is.
func (a *answer) name() string {
	if a.plan != "" {
		return a.plan
	}
	return fmt.Sprint(a.status)
}

// create writes a file.
func create(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name) //nolint:gosec // the user's own choice
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	return write(file)
}
