package browser

import (
	"os"
	"testing"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// The tests start this program as its own Caddy.
func TestMain(m *testing.M) {
	rig.BeChild()
	os.Exit(m.Run())
}
