package module

import (
	"fmt"

	"github.com/headstart-proxy/headstart/internal/hints"
)

// Limits of the options of Hints.
const (
	DefaultMaxHints = hints.DefaultCount
	MaxMaxHints     = hints.MaxCount
	MaxHintBytes    = hints.MaxBytes
)

// Hints says what is named to browsers ahead of a page, in Link header values (RFC
// 8288): its stylesheets, scripts, fonts and urgent images, and the origins to connect
// to, as its last responses had them.
type Hints struct {
	// The most values in one response. They take 1024 bytes (1 KiB) at most, too. From 1
	// to 32. Default: 8.
	Max int `json:"max,omitempty"`

	// Link header values that are sent for every page, in front of all others, such as
	// `</fonts/a.woff2>; rel=preload; as=font; crossorigin`, for what only a stylesheet
	// asks for. The rel is `preload`, `modulepreload` or `preconnect`. Whether browsers can
	// use them is not looked into. None are sent where the page's last answer was no page.
	// Default: none.
	Add []string `json:"add,omitempty"`

	// Send nothing but what `add` says. Default: false.
	Off bool `json:"off,omitempty"`
}

// declared returns what the operator declares. What is wrong is left to Validate.
func (o *Hints) declared() (links []hints.Link) {
	for _, value := range o.Add {
		if l, err := hints.Declare(value); err == nil {
			links = append(links, l)
		}
	}
	return links
}

// provisionHints sets the defaults.
func (h *Handler) provisionHints() {
	if h.EarlyHints == "" {
		h.EarlyHints = EarlyHintsAuto
	}
	if h.Hints == nil {
		h.Hints = new(Hints)
	}
	if h.Hints.Max == 0 {
		h.Hints.Max = DefaultMaxHints
	}
}

func (h *Handler) validateHints() error {
	switch h.EarlyHints {
	case EarlyHintsAuto, EarlyHintsOn, EarlyHintsOff:
	default:
		return fmt.Errorf("early_hints: %q is not known; use auto, on or off", h.EarlyHints)
	}
	if h.Hints.Max < 1 || h.Hints.Max > MaxMaxHints {
		return fmt.Errorf("hints: max: %d is out of range; use 1 to %d", h.Hints.Max, MaxMaxHints)
	}
	if len(h.Hints.Add) > h.Hints.Max {
		return fmt.Errorf("hints: add: %d values are more than max, which is %d", len(h.Hints.Add), h.Hints.Max)
	}
	for _, value := range h.Hints.Add {
		if err := CheckHint(value); err != nil {
			return fmt.Errorf("hints: add: %w", err)
		}
	}
	size := 0
	for _, l := range h.declared {
		size += len(l.String())
	}
	if size > MaxHintBytes {
		return fmt.Errorf("hints: add: %d bytes are too many; use at most %d for all", size, MaxHintBytes)
	}
	return nil
}

// CheckHint checks one value of the option hints add.
func CheckHint(value string) error {
	if _, err := hints.Declare(value); err != nil {
		return fmt.Errorf("%q: %w", value, err)
	}
	return nil
}
