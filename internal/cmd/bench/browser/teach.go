package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// teachVisits are three that teach, as many as a browser's own demotion may cost, and
// one that shows what was learned.
const teachVisits = 12

// Teach visits a page behind a front, without any link between, until it is committed
// to a level.
func (s *Stage) Teach(ctx context.Context, front, path, level string) error {
	transport, closeIdle := rig.NewTransport(rig.H2, Host)
	defer closeIdle()
	var told string
	for range teachVisits {
		var err error
		if told, err = navigate(ctx, transport, "https://"+s.addr(front)+path); err != nil {
			return fmt.Errorf("teaching %s%s: %w", front, path, err)
		}
		if LevelOf(told) == level {
			return nil
		}
	}
	return fmt.Errorf("teaching %s%s: the level is %q after %d visits, not %q", front, path, told, teachVisits, level)
}

// navigate asks for a page as a browser does whose user typed its address, and returns
// its LevelHeader.
func navigate(ctx context.Context, transport http.RoundTripper, url string) (told string, err error) {
	hinted := false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			hinted = hinted || code == http.StatusEarlyHints
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Host, req.Header = Host, testorigin.Navigation()
	if req.URL.Port() != "" {
		req.Host += ":" + req.URL.Port()
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", fmt.Errorf("reading the page: %w", err)
	}
	told = resp.Header.Get(LevelHeader)
	switch {
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the status is %d", resp.StatusCode)
	case LevelOf(told) == hints && !hinted:
		return "", errors.New("the level is hints, and there was no 103 response")
	}
	return told, nil
}

// LevelOf returns the level that a [LevelHeader] tells.
func LevelOf(told string) string {
	level, _, _ := strings.Cut(told, " ")
	return level
}
