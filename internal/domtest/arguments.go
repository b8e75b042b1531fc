package domtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// arguments is the object that the recovery script is called with. A field that
// is not named here is an error, so that the script cannot learn to do what this
// package does not model.
type arguments struct {
	Cookie string `json:"cookie"`
	URL    string `json:"url"`
	Edits  []edit `json:"edits"`
	Stay   bool   `json:"stay"`
}

// edit is one change of the tree; exactly one of Set, Over, Put and Cut is there.
type edit struct {
	Set  map[string]*string `json:"set"`  // attributes of html; null removes one
	Over *ref               `json:"over"` // the child of head to remove
	Move *ref               `json:"move"` // the sibling of the script to put in its place
	Put  string             `json:"put"`  // nodeNames of the elements in front of the script, to put into head
	At   []int              `json:"at"`   // the indexes among head's children that they go before
	Cut  string             `json:"cut"`  // nodeNames of the nodes in front of the script, to remove
	From int                `json:"from"` // how many nodes stand before those
	In   string             `json:"in"`   // a selector of the form html>b>c for the script
}

// check reports an edit that is none, or several.
func (e edit) check() error {
	kinds := 0
	for _, there := range []bool{len(e.Set) > 0, e.Over != nil, e.Put != "", e.Cut != ""} {
		if there {
			kinds++
		}
	}
	if kinds != 1 || e.Move != nil && e.Over == nil || (e.At != nil) != (e.Put != "") || (e.In != "") != (e.Cut != "") {
		return errors.New("is none of set, over (with move or without), put with at, and cut with in")
	}
	return nil
}

// ref names an element among its siblings: the Nth with that tag, with these values
// of its attributes among others, and with a text whose first UpTo letters are Text.
type ref struct {
	Tag   string      `json:"tag"`
	Attrs [][2]string `json:"attrs"`
	Count int         `json:"count"` // how many attributes it has
	Text  string      `json:"text"`
	UpTo  int         `json:"upto"`
	N     int         `json:"n"` // from 0; negative: from the end, -1 is the last
}

// UnmarshalJSON demands every field: the script compares with what is not there, and
// so would find nothing, or fail.
func (r *ref) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	type plain ref
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode((*plain)(r)); err != nil {
		return err
	}
	if len(fields) != 6 || r.Attrs == nil || r.UpTo < 0 {
		return fmt.Errorf("a reference that lacks something: %s", b)
	}
	return nil
}

func (r ref) String() string {
	b, _ := json.Marshal(r) // strings and ints: cannot fail
	return string(b)
}

// Leaving reads the text of a recovery script, and returns where it leads: the
// cookie that it sets, and the URL, "" for a reload. leaves is false if the script
// repairs the page instead.
func Leaving(script string) (cookie, url string, leaves bool, err error) {
	args, err := parseArguments(script)
	if err != nil {
		return "", "", false, fmt.Errorf("recovery script: %w", err)
	}
	return args.Cookie, args.URL, args.URL != "" || args.Edits == nil, nil
}

// parseArguments reads the arguments from the text `(a=>{…})({…})`. The function
// and strings in the object may hold `})(` too, so the first place counts from
// which all that is left is one object and the end of the call.
func parseArguments(script string) (arguments, error) {
	script = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(script, space), ";"), space)
	object, called := strings.CutSuffix(script, ")")
	if !called {
		return arguments{}, errors.New("does not end in a call")
	}
	err := errors.New("has no `})(`")
	for at := range len(object) {
		rest, found := strings.CutPrefix(object[at:], "})(")
		if !found || !json.Valid([]byte(rest)) {
			continue
		}
		var args arguments
		d := json.NewDecoder(bytes.NewReader([]byte(rest)))
		d.DisallowUnknownFields()
		if err = d.Decode(&args); err == nil {
			return args, nil
		}
		break
	}
	return arguments{}, fmt.Errorf("arguments: %w", err)
}
