package module

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// collected is the state whose size the gauges show, nil if there is none.
var collected atomic.Pointer[state]

// buckets reach from an early byte within a millisecond to a backend that takes
// half a minute, in seconds.
var buckets = []float64{
	.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30,
}

// metrics are made once per process: Caddy has a new registry for each config,
// and collectors that were made anew would begin at zero after each reload.
var metrics = struct {
	requests  *prometheus.CounterVec
	outcomes  *prometheus.CounterVec
	backend   *prometheus.CounterVec
	early     *prometheus.HistogramVec
	header    *prometheus.HistogramVec
	flushed   prometheus.Counter
	crawlers  crawlerMetrics
	openings  prometheus.GaugeFunc
	openBytes prometheus.GaugeFunc
}{
	requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "caddy_headstart_requests_total",
		Help: "Requests by the level to which they were committed, and the reason if they were not.",
	}, []string{"level", "reason", "audience"}),
	outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "caddy_headstart_outcomes_total",
		Help: "Committed responses by how they ended.",
	}, []string{"outcome", "audience"}),
	backend: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "caddy_headstart_backend_responses_total",
		Help: "Backend responses to page navigations, by status class; none if there was no response.",
	}, []string{"class", "level"}),
	early: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "caddy_headstart_early_ttfb_seconds",
		Help:    "Time until the opening of a committed response was sent.",
		Buckets: buckets,
	}, []string{"audience"}),
	header: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "caddy_headstart_backend_ttfb_seconds",
		Help:    "Time until the backend's header of a page navigation.",
		Buckets: buckets,
	}, []string{"level"}),
	flushed: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "caddy_headstart_flushed_bytes_total",
		Help: "Bytes sent before the backend answered, before compression.",
	}),
	crawlers: crawlerMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caddy_headstart_crawler_requests_total",
			Help: "Requests by who says to be a crawler, and the level to which they were committed.",
		}, []string{"family", "level"}),
		early: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "caddy_headstart_crawler_early_ttfb_seconds",
			Help:    "Time until the opening of a response to a crawler was sent.",
			Buckets: buckets,
		}, []string{"family"}),
		header: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "caddy_headstart_crawler_backend_ttfb_seconds",
			Help:    "Time until the backend's header of a page that a crawler asked for.",
			Buckets: buckets,
		}, []string{"family"}),
	},
	openings: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "caddy_headstart_openings",
		Help: "Pages held.",
	}, func() float64 {
		if s := collected.Load(); s != nil {
			return float64(s.store.Len())
		}
		return 0
	}),
	openBytes: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "caddy_headstart_opening_bytes",
		Help: "Memory that the pages held take, estimated.",
	}, func() float64 {
		if s := collected.Load(); s != nil {
			return float64(s.store.Bytes())
		}
		return 0
	}),
}

// crawlerMetrics have labels from a fixed list, request.Family.
type crawlerMetrics struct {
	requests *prometheus.CounterVec
	early    *prometheus.HistogramVec
	header   *prometheus.HistogramVec
}

// registerMetrics registers the collectors with the registry of a config. With a
// second handler in one config they are there already.
func registerMetrics(registry *prometheus.Registry) error {
	for _, c := range []prometheus.Collector{
		metrics.requests, metrics.outcomes, metrics.backend, metrics.early,
		metrics.header, metrics.flushed, metrics.openings, metrics.openBytes,
		metrics.crawlers.requests, metrics.crawlers.early, metrics.crawlers.header,
	} {
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &already) {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// count adds a request to the metrics.
func (j *judged) count(level string) {
	metrics.requests.WithLabelValues(level, j.reason, j.audience()).Inc()
	if family := string(j.verdict.Crawler); family != "" {
		metrics.crawlers.requests.WithLabelValues(family, level).Inc()
	}
}

// count adds an exchange to the metrics.
func (x *exchange) count() {
	level := x.level()
	x.judged.count(level)
	if x.parked != nil {
		return // the backend's answer is that of the page before
	}
	if family := string(x.verdict.Crawler); family != "" {
		x.countCrawler(family)
	}
	metrics.backend.WithLabelValues(class(x.status), level).Inc()
	if x.header > 0 {
		metrics.header.WithLabelValues(level).Observe(x.header.Seconds())
	}
	if x.outcome == "" {
		return
	}
	metrics.outcomes.WithLabelValues(string(x.outcome), x.audience()).Inc()
	if x.early > 0 {
		metrics.early.WithLabelValues(x.audience()).Observe(x.early.Seconds())
		metrics.flushed.Add(float64(x.flushed))
	}
}

func (x *exchange) countCrawler(family string) {
	if x.header > 0 {
		metrics.crawlers.header.WithLabelValues(family).Observe(x.header.Seconds())
	}
	if x.early > 0 {
		metrics.crawlers.early.WithLabelValues(family).Observe(x.early.Seconds())
	}
}

// class returns the class of a status as a label: 2xx, 3xx, …, or none. Handlers
// may write any number, so what is no class of HTTP is other.
func class(status int) string {
	switch status / 100 {
	case 0:
		if status == 0 {
			return "none"
		}
	case 1:
		return "1xx"
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	return "other"
}
