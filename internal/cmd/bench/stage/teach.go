package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// silence is after how long without a byte the opening is taken as sent, while the
// backend is held.
const silence = 200 * time.Millisecond

// Levels of what is committed.
const (
	Head  = "head"
	Shell = "shell"
)

// Teach visits a page until it is committed, and returns its opening. It is an error if
// that does not end where the level says: a head before its end tag, a shell behind
// <main>, see [NewPage].
func (s *Stage) Teach(ctx context.Context, level, protocol, site, path string, header http.Header) ([]byte, error) {
	visitor := NewVisitor(protocol)
	defer visitor.Close()
	url := s.URL(protocol, site, path)
	const visits = 12 // learn_after is 3, the next is committed
	committed := false
	last := errors.New("it was not committed")
	for range visits {
		visit, err := visitor.Visit(ctx, url, header, nil)
		if err != nil {
			last = err // Caddy may reset connections right after it has started
		}
		if committed = visit.Committed; committed {
			break
		}
	}
	if !committed {
		return nil, fmt.Errorf("teaching %s of site %s over %s: %d visits: %w", path, site, protocol, visits, last)
	}
	opening, err := s.readOpening(ctx, visitor, url, header)
	if err != nil {
		return nil, fmt.Errorf("reading the opening of %s of site %s over %s: %w", path, site, protocol, err)
	}
	reached := Head
	switch {
	case len(opening) == 0:
		reached = "nothing"
	case bytes.Contains(opening, []byte("<main>")):
		reached = Shell
	case bytes.Contains(opening, []byte("</head>")):
		reached = "the beginning of the body"
	}
	if reached != level {
		return nil, fmt.Errorf("the opening of %s of site %s over %s is %s, not %s", path, site, protocol, reached, level)
	}
	return opening, nil
}

// readOpening returns what comes while the backend is held.
func (s *Stage) readOpening(ctx context.Context, visitor *Visitor, url string, header http.Header) ([]byte, error) {
	release := s.hold()
	defer release()
	pieces, ended := make(chan []byte), make(chan error, 1)
	go func() {
		_, err := visitor.Visit(ctx, url, header, func(piece []byte, _ int, _ time.Duration) {
			pieces <- bytes.Clone(piece)
		})
		close(pieces)
		ended <- err
	}()
	var opening []byte
	wait := time.NewTimer(rig.Patience / 2) // for the first piece
	defer wait.Stop()
	for early := true; early; {
		select {
		case piece, ok := <-pieces:
			if !ok {
				return nil, errors.Join(errors.New("it ended while the backend was held"), <-ended)
			}
			opening = append(opening, piece...)
			wait.Reset(silence)
		case <-wait.C:
			early = false
		}
	}
	release()
	for range pieces { // the rest of the page is of no interest
		continue
	}
	return opening, <-ended
}
