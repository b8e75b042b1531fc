package browser

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/slowlink"
)

// A Browser is a Chromium that reaches the fronts of a stage over a link.
type Browser struct {
	// Context is the browser's; a tab is made from it.
	Context context.Context

	links []*slowlink.Proxy
	rules []string // of --host-resolver-rules
	dir   string
	stop  context.CancelFunc
}

// Connect starts a Chromium that reaches each front over a link of its own. The caller
// must Close it, unless there is an error, which wraps [chromium.ErrMissing] where
// there is none.
func (s *Stage) Connect(ctx context.Context, link slowlink.Link) (*Browser, error) {
	b := &Browser{stop: func() {}}
	if err := b.start(ctx, s, link); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Browser) start(ctx context.Context, s *Stage, link slowlink.Link) error {
	options := []chromium.Option{chromium.Trust(s.certificate)}
	for front, port := range s.ports {
		proxy, err := slowlink.Start(s.addr(front), link)
		if err != nil {
			return err
		}
		b.links = append(b.links, proxy)
		host := net.JoinHostPort(Host, port)
		options = append(options, chromium.Host(host, proxy.Addr()))
		b.rules = append(b.rules, "MAP "+host+" "+proxy.Addr())
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "headstart-bench-chromium-"); err != nil {
		return fmt.Errorf("making a folder for chromium: %w", err)
	}
	b.Context, b.stop, err = chromium.Start(ctx, b.dir, options...)
	return err
}

// Close ends the browser and its links.
func (b *Browser) Close() {
	b.stop()
	for _, link := range b.links {
		link.Close()
	}
	for range 100 { // it writes on while it ends
		if os.RemoveAll(b.dir) == nil {
			return
		}
	}
}
