package browser

import (
	"fmt"
	"os"
	"testing"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// The tests start this program as its own Caddy.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == rig.ChildArg {
		if err := rig.RunChild(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
