package module

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Names of the placeholders, and with them of the fields in the logs.
const (
	placeholderPrefix = "http.headstart."

	fieldLevel     = "level"
	fieldReason    = "reason"
	fieldAudience  = "audience"
	fieldCrawler   = "crawler"
	fieldHints     = "hints"
	fieldOutcome   = "outcome"
	fieldStatus    = "backend_status"
	fieldEarly     = "early_ms"
	fieldHeader    = "backend_header_ms"
	fieldFirstByte = "backend_body_ms"
	fieldSaved     = "saved_ms"
)

func (x *exchange) level() string {
	switch {
	case x.plan.Early != nil && x.expected.Shell(x.plan.Early.Sent):
		return levelShell
	case x.plan.Early != nil:
		return levelHead
	case x.hinted > 0:
		return levelHints
	}
	return levelNone
}

// placeholder gives the values of the placeholders that depend on the request alone.
func (j *judged) placeholder(name string) (value any, known bool) {
	switch name {
	case fieldReason:
		return j.reason, true
	case fieldAudience:
		return j.audience(), true
	case fieldCrawler:
		return string(j.verdict.Crawler), true
	}
	return nil, false
}

// placeholder gives the values of the placeholders.
func (d *discreet) placeholder(key string) (value any, known bool) {
	name, ours := strings.CutPrefix(key, placeholderPrefix)
	if !ours {
		return nil, false
	}
	if value, known = d.judged.placeholder(name); known {
		return value, true
	}
	switch name {
	case fieldLevel:
		return levelNone, true
	case fieldHints:
		return 0, true
	}
	return "", true
}

// placeholder gives the values of the placeholders; nothing is computed for those
// that nobody asks for. One without a value is empty. A deferred `header` asks
// before the response is reported, and gets what was decided.
func (x *exchange) placeholder(key string) (value any, known bool) {
	name, ours := strings.CutPrefix(key, placeholderPrefix)
	if !ours {
		return nil, false
	}
	if value, known = x.judged.placeholder(name); known {
		return value, true
	}
	switch name {
	case fieldLevel:
		return x.level(), true
	case fieldHints:
		return x.hinted, true
	}
	if !x.reported {
		return "", true
	}
	switch {
	case name == fieldOutcome:
		return string(x.outcome), true
	case name == fieldStatus && x.status != 0:
		return x.status, true
	}
	for _, t := range x.times() {
		if t.name == name {
			return formatMs(t.d), true
		}
	}
	return "", true
}

// tell puts the fields into the access log, if the server has one: where it has none,
// that would be three allocations for nothing.
func (j *judged) tell(fields zapcore.ObjectMarshaler) {
	ctx := j.r.Context()
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); !ok || server.Logs == nil {
		return
	}
	if extra, ok := ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.Object("headstart", fields))
	}
}

// report says that the request passed: access log, own log line, metrics.
func (d *discreet) report() {
	d.count(levelNone)
	d.tell(d)
	if c := d.h.logger.Check(zapcore.DebugLevel, "handled"); c != nil {
		c.Write(zap.String("host", d.r.Host), zap.String("uri", d.r.URL.Path), zap.Inline(d))
	}
}

// report says how it went: placeholders, access log, own log line, metrics.
func (x *exchange) report() {
	x.reported = true
	x.count()
	if x.outcome != "" && x.outcome != canceled {
		x.h.site.brakes.committed(x.voter(), x.outcome == reloaded, x.h.now())
	}
	x.tell(x)
	if c := x.h.logger.Check(zapcore.DebugLevel, "handled"); c != nil {
		c.Write(
			zap.String("host", x.r.Host),
			zap.String("uri", x.r.URL.Path),
			zap.Inline(x),
			zap.String("differs", x.plan.Differs),
			zap.String("surprise", x.surprise),
			zap.Int("flushed", x.flushed),
		)
	}
}

// timing is one of the times of an exchange that was reached.
type timing struct {
	name string
	d    time.Duration
}

func (x *exchange) times() []timing {
	times := make([]timing, 0, 4)
	for _, t := range []timing{{fieldEarly, x.early}, {fieldHeader, x.header}, {fieldFirstByte, x.firstByte}} {
		if t.d > 0 {
			times = append(times, t)
		}
	}
	if saved := x.saved(); saved != 0 {
		times = append(times, timing{fieldSaved, saved})
	}
	return times
}

// saved returns by how much the first byte came earlier than the backend's
// header, 0 if not known. It may be negative for a backend that was faster than
// the visitor's connection.
func (x *exchange) saved() time.Duration {
	if x.early == 0 || x.header == 0 {
		return 0
	}
	return x.header - x.early
}

// marshal writes the fields that depend on the request alone.
func (j *judged) marshal(enc zapcore.ObjectEncoder, level string) {
	enc.AddString(fieldLevel, level)
	if j.reason != "" {
		enc.AddString(fieldReason, j.reason)
	}
	if j.verdict.Crawler != "" {
		enc.AddString(fieldCrawler, string(j.verdict.Crawler))
	}
	if j.verdict.Navigation {
		enc.AddString(fieldAudience, j.audience())
	}
}

// MarshalLogObject writes the fields for the access log.
func (d *discreet) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	d.marshal(enc, levelNone)
	return nil
}

// MarshalLogObject writes the fields for the access log. There is nothing of the
// page in them, and nothing that names the visitor.
func (x *exchange) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	x.marshal(enc, x.level())
	if x.hinted > 0 {
		enc.AddInt(fieldHints, x.hinted)
	}
	if x.outcome != "" {
		enc.AddString(fieldOutcome, string(x.outcome))
	}
	if x.status != 0 {
		enc.AddInt(fieldStatus, x.status)
	}
	for _, t := range x.times() {
		enc.AddFloat64(t.name, milliseconds(t.d))
	}
	return nil
}

// milliseconds rounds to a microsecond.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

func formatMs(d time.Duration) string {
	return strconv.FormatFloat(milliseconds(d), 'f', -1, 64)
}

// Interface guards
var (
	_ zapcore.ObjectMarshaler = (*discreet)(nil)
	_ zapcore.ObjectMarshaler = (*exchange)(nil)
)
