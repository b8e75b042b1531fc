package slowlink

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLaneSend(t *testing.T) {
	type sent struct {
		at    time.Duration
		bytes int
	}
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		lane *lane
		sent []sent
		want []time.Duration // arrivals
	}{
		"nothing to wait for":      {&lane{}, []sent{{0, 1000}, {1 * ms, 1000}}, []time.Duration{0, 1 * ms}},
		"the delay is no queue":    {&lane{delay: 20 * ms}, []sent{{0, 1000}, {0, 1000}, {3 * ms, 1}}, []time.Duration{20 * ms, 20 * ms, 23 * ms}},
		"packets queue for a rate": {&lane{delay: 20 * ms, bitsPerSecond: 8e6}, []sent{{0, 1000}, {0, 500}, {0, 0}}, []time.Duration{21 * ms, 21500 * time.Microsecond, 21500 * time.Microsecond}},
		"an idle link saves none":  {&lane{bitsPerSecond: 8e6}, []sent{{0, 1000}, {9 * ms, 1000}}, []time.Duration{1 * ms, 10 * ms}},
		"a clock that goes back":   {&lane{delay: 20 * ms}, []sent{{5 * ms, 1}, {0, 1}}, []time.Duration{25 * ms, 25 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
			var got []time.Duration
			for _, s := range test.sent {
				got = append(got, test.lane.send(start.Add(s.at), s.bytes).Sub(start))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("arrivals (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLaneQueueHoldsWhatIsUnderWay(t *testing.T) {
	for _, test := range []struct {
		lane      *lane
		low, high int // bytes
	}{
		{&lane{bitsPerSecond: 1}, minQueue - packetSize, minQueue},
		{&lane{delay: time.Second, bitsPerSecond: 8e6}, 1e6 + minQueue - packetSize, 1e6 + minQueue},
		{&lane{delay: time.Hour}, maxUnlimited - packetSize, maxUnlimited},
	} {
		if got := cap(test.lane.queue()) * packetSize; got <= test.low || got > test.high {
			t.Errorf("delay %v: %d bytes, want %d", test.lane.delay, got, test.high)
		}
	}
}

// TestLanePipelines sends three packets, one each ms, through a delay of 20 ms: they
// arrive one each ms. The clock is that of the bubble.
func TestLanePipelines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		l := lane{delay: 20 * time.Millisecond}
		in, src := net.Pipe()
		dst, out := net.Pipe()
		queue := l.queue()
		go l.take(t.Context(), src, queue)
		ended := make(chan error, 1)
		go func() {
			err := deliver(t.Context(), dst, queue)
			dst.Close()
			ended <- err
		}()
		go func() {
			for i := range 3 {
				fmt.Fprint(in, i)
				time.Sleep(time.Millisecond) // of the bubble, which takes none
			}
			in.Close()
		}()
		var got []string
		for buf := make([]byte, 10); ; {
			n, err := out.Read(buf)
			if err != nil {
				got = append(got, fmt.Sprint(err, " ", time.Since(start)))
				break
			}
			got = append(got, fmt.Sprint(string(buf[:n]), " ", time.Since(start)))
		}
		if diff := cmp.Diff([]string{"0 20ms", "1 21ms", "2 22ms", "EOF 23ms"}, got); diff != "" {
			t.Errorf("arrivals (-want +got):\n%s", diff)
		}
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
