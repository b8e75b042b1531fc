package slowlink

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds every wait; a test that runs into it has failed.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// between returns the two ends of a connection through a link that ends with the test.
func between(t *testing.T, link Link) (client, server *net.TCPConn, proxy *Proxy) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	proxy, err = Start(listener.Addr().String(), link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	client = dial(t, proxy)
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, guard(t, accepted), proxy
}

func dial(t *testing.T, proxy *Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return guard(t, conn)
}

func guard(t *testing.T, conn net.Conn) *net.TCPConn {
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

// TestBytesArrive sends much in both directions at once. Each end reads on after it
// has sent its FIN, and the ends come behind all bytes.
func TestBytesArrive(t *testing.T) {
	for name, link := range map[string]Link{
		"nothing slow": {},
		"delay":        {RTT: 4 * time.Millisecond},
		"rate":         {RTT: time.Millisecond, BitsPerSecond: 100e6},
	} {
		t.Run(name, func(t *testing.T) {
			client, server, _ := between(t, link)
			random := rand.NewChaCha8([32]byte{1})
			var ends sync.WaitGroup
			direction := func(way string, dst, src *net.TCPConn) {
				sent := make([]byte, 1<<20+1)
				_, _ = random.Read(sent) // never fails
				ends.Go(func() {
					if _, err := src.Write(sent); err != nil {
						t.Error(way, err)
					}
					if err := src.CloseWrite(); err != nil {
						t.Error(way, err)
					}
				})
				ends.Go(func() {
					got, err := io.ReadAll(dst)
					if err != nil || !bytes.Equal(got, sent) {
						t.Errorf("%s: %d of %d bytes, equal so far %t, %v", way, len(got), len(sent), bytes.HasPrefix(sent, got), err)
					}
				})
			}
			direction("up", server, client)
			direction("down", client, server)
			ends.Wait()
		})
	}
}

// TestHalfClose answers after the question has ended.
func TestHalfClose(t *testing.T) {
	client, server, _ := between(t, Link{RTT: 2 * time.Millisecond})
	if _, err := client.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(server); err != nil || string(got) != "question" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := server.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if got, err := io.ReadAll(client); err != nil || string(got) != "answer" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestRoundTripTakesItsTime(t *testing.T) {
	const rtt = 40 * time.Millisecond
	client, server, _ := between(t, Link{RTT: rtt})
	start := time.Now()
	for _, way := range []struct{ src, dst net.Conn }{{client, server}, {server, client}} {
		if _, err := way.src.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(way.dst, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < rtt {
		t.Errorf("a round trip took %v", took)
	}
}

// TestConnectionsShareTheRate moves 25,000 bytes on each of two connections at 8
// Mbit/s, which needs 50 ms.
func TestConnectionsShareTheRate(t *testing.T) {
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	proxy, err := Start(sink.Addr().String(), Link{BitsPerSecond: 8e6})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	start := time.Now()
	var ends sync.WaitGroup
	for range 2 {
		client := dial(t, proxy)
		accepted, err := sink.Accept()
		if err != nil {
			t.Fatal(err)
		}
		server := guard(t, accepted)
		ends.Go(func() {
			if _, err := client.Write(make([]byte, 25_000)); err != nil {
				t.Error(err)
			}
		})
		ends.Go(func() {
			if _, err := io.ReadFull(server, make([]byte, 25_000)); err != nil {
				t.Error(err)
			}
		})
	}
	ends.Wait()
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("50,000 bytes took %v", took)
	}
}

// TestCloseEndsAll closes a proxy while bytes wait for their time, while nobody reads
// what has arrived, and while nothing happens. TestMain looks for what is left.
func TestCloseEndsAll(t *testing.T) {
	read := func(client *net.TCPConn) func() error {
		return func() error { _, err := io.Copy(io.Discard, client); return err }
	}
	for name, test := range map[string]struct {
		link Link
		// busy returns what tells how the connection has ended for the client.
		busy func(t *testing.T, client, server *net.TCPConn) (ending func() error)
	}{
		"idle": {Link{}, func(_ *testing.T, client, _ *net.TCPConn) func() error {
			return read(client)
		}},
		"under way": {Link{RTT: time.Hour}, func(t *testing.T, client, _ *net.TCPConn) func() error {
			if _, err := client.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			return read(client)
		}},
		"unread": {Link{}, func(t *testing.T, client, server *net.TCPConn) func() error {
			// The write ends when the proxy does: before, queue and buffers get full.
			written := make(chan error, 1)
			go func() {
				_, err := io.Copy(client, endless{})
				written <- err
			}()
			if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			return func() error { return <-written }
		}},
		"half closed": {Link{}, func(t *testing.T, client, server *net.TCPConn) func() error {
			if err := client.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(server); err != nil {
				t.Fatal(err)
			}
			return read(client)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			client, server, proxy := between(t, test.link)
			ending := test.busy(t, client, server)
			proxy.Close()
			proxy.Close()
			// A write tells of a reset as EPIPE if it comes behind it.
			if err := ending(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("the client gets %v, want a reset", err)
			}
			if _, err := net.Dial("tcp", proxy.Addr()); err == nil {
				t.Error("a closed proxy can be connected to")
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestResetIsPassedOn(t *testing.T) {
	client, server, _ := between(t, Link{RTT: 2 * time.Millisecond})
	reset(server)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want a reset", err)
	}
}

func TestTargetThatIsGone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	proxy, err := Start(listener.Addr().String(), Link{})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	// The reset may come before Dial returns.
	conn, err := net.Dial("tcp", proxy.Addr())
	if err == nil {
		_, err = guard(t, conn).Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want a reset", err)
	}
}

func TestStartRefuses(t *testing.T) {
	for _, link := range []Link{{RTT: -1}, {BitsPerSecond: -1}} {
		if _, err := Start("127.0.0.1:1", link); err == nil || !strings.Contains(err.Error(), "0 or more") {
			t.Errorf("%+v: %v", link, err)
		}
	}
}
