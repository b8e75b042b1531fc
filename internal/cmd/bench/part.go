package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/browser"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/filmstrip"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/load"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/scale"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stream"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/wire"
)

// A part is one table of the report. Another one is plugged in by an entry in
// [allParts].
type part struct {
	name  string // what -part names, the key in the JSON
	title string // the heading of its table
	// extra parts are measured only when they are named, by -part or by a flag of
	// their own: -browser, -filmstrip.
	extra bool
	// share is how much of -time it gets among the parts that are measured; 0 if
	// it takes the time that it takes.
	share int
	// check tells what it lacks before anything is measured; nil if it needs nothing.
	check func(settings) error
	// ids are its rows for -only. If it is nil, -only has to match the name.
	ids func(settings) []string
	run func(ctx context.Context, o settings, length time.Duration, progress io.Writer) (result, error)
}

// A result is what a part has found, with tags for JSON.
type result interface {
	// Markdown writes it as one table, with words of its own around it if need be.
	Markdown(w io.Writer) error
}

// allParts are the parts in the order of the report.
var allParts = []part{
	{
		name: "wire", title: "Wire", share: 4,
		ids: func(o settings) []string { return wire.IDs(o.delays) },
		run: func(ctx context.Context, o settings, length time.Duration, progress io.Writer) (result, error) {
			return wire.Run(ctx, wire.Options{Options: o.onStage(length), Delays: o.delays}, progress)
		},
	},
	{
		name: "load", title: "Load", share: 8,
		ids: func(settings) []string { return load.IDs() },
		run: func(ctx context.Context, o settings, length time.Duration, progress io.Writer) (result, error) {
			return load.Run(ctx, o.onStage(length), progress)
		},
	},
	{
		name: "stream", title: "Stream", share: 3,
		ids: func(settings) []string { return stream.IDs() },
		run: func(ctx context.Context, o settings, length time.Duration, progress io.Writer) (result, error) {
			return stream.Run(ctx, o.onStage(length), progress)
		},
	},
	{
		name: "scale", title: "Scale",
		ids: func(o settings) []string {
			ids := make([]string, 0, len(o.pages))
			for _, n := range o.pages {
				ids = append(ids, scaleID(n))
			}
			return ids
		},
		run: func(ctx context.Context, o settings, _ time.Duration, progress io.Writer) (result, error) {
			chosen := slices.DeleteFunc(slices.Clone(o.pages), func(n int) bool { return !o.only.MatchString(scaleID(n)) })
			return scale.Run(ctx, scale.Options{Sizes: chosen, Rounds: o.rounds}, progress)
		},
	},
	{
		name: "browser", title: "Browser", extra: true, check: findChromium,
		ids: func(settings) []string { return browser.IDs() },
		run: func(ctx context.Context, o settings, _ time.Duration, progress io.Writer) (result, error) {
			return browser.Run(ctx, browser.Options{Only: o.only.MatchString, Rounds: o.visits}, progress)
		},
	},
	{
		name: "filmstrip", title: "Picture", extra: true, check: checkFilmstrip,
		run: func(ctx context.Context, o settings, _ time.Duration, progress io.Writer) (result, error) {
			return filmstrip.Run(ctx, filmstrip.Options{File: o.filmstrip, Rounds: o.visits}, progress)
		},
	},
}

func findChromium(settings) error {
	_, err := chromium.Find()
	return err
}

func checkFilmstrip(o settings) error {
	if o.filmstrip == "" {
		return errors.New("-filmstrip has to name the file of the picture")
	}
	if _, err := os.Stat(filepath.Dir(o.filmstrip)); err != nil {
		return fmt.Errorf("-filmstrip: %w", err)
	}
	return findChromium(o)
}

func scaleID(pages int) string { return fmt.Sprintf("scale/%d", pages) }

// matches tells whether -only leaves anything of a part.
func (p part) matches(o settings) bool {
	return slices.ContainsFunc(p.rows(o), o.only.MatchString)
}

func (p part) rows(o settings) []string {
	if p.ids == nil {
		return []string{p.name}
	}
	return p.ids(o)
}

// onStage are the settings as the parts want them that measure on a stage.
func (o settings) onStage(length time.Duration) stage.Options {
	return stage.Options{Only: o.only, Time: length, Rounds: o.rounds}
}
