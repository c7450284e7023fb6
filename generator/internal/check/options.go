package check

import (
	"errors"
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"
	"time"
)

// Options are the options of package generator, which documents them.
type Options struct {
	Types                                   []string
	New, Name, Output                       string
	Skip, ReadOnly, Concurrent, Exclusive   []string
	Idempotent, InOut, In, Session, Timeout []string
	Close, Hook                             string
	Strict, Schema, Verbose                 bool
	Dir, Pattern                            string
}

// settings are given for a method by directives and flags, besides its mode.
type settings struct {
	exclusive  bool // it is asked to run alone
	Idempotent bool
	Timeout    time.Duration // 0: none of its own
	limit      string        // timeout as the user wrote it
	inout      []string      // names of parameters that come back
	in         []string      // names of parameters whose changes stay in the daemon
	End        string        // the name of the method that ends the session of this one, or ""
	Ending     *Method       // that method, if there is one
	ends       bool          // it is such a method itself
	readOnly   string        // the directive or flag that makes it read-only, or ""
}

// settingsReader decides how a method is shared as directives and flags ask.
type settingsReader struct{ *Method }

// readSettings fills m.settings. A directive and a flag that say different
// things are an error.
func (m settingsReader) readSettings(r *Reporter, o *Options) {
	switch {
	case m.has("readonly"):
		m.readOnly = directivePrefix + "readonly"
	case slices.Contains(o.ReadOnly, m.Name):
		m.readOnly = "-readonly " + m.Name
	}
	m.Idempotent = m.asked("idempotent", o.Idempotent)
	if text := m.setting(r, "timeout", m.arguments("timeout"), o.Timeout); text != "" {
		m.Timeout, _ = time.ParseDuration(text) // else it was reported
		m.limit = text
	}
	ends := m.arguments("session")
	for i := range ends {
		ends[i] = strings.TrimPrefix(ends[i], "end=")
	}
	m.End = m.setting(r, "session", ends, o.Session)
	m.inout = m.parameters("inout", o.InOut)
	m.in = m.parameters("in", o.In)
}

// parameters returns the parameters that directives and the flag M.p name.
func (m settingsReader) parameters(name string, flag []string) []string {
	list := m.arguments(name)
	for _, item := range flag {
		if method, param, _ := strings.Cut(item, "."); method == m.Name && !slices.Contains(list, param) {
			list = append(list, param)
		}
	}
	return list
}

// refuseSettings reports settings of a Close that is never called.
func (m settingsReader) refuseSettings(r *Reporter) {
	refuse := func(name, value string) {
		r.Report(Error, m.pos, m.Name, "needs no "+name+", since it ends the handle only", "use -close forward, or "+m.dropHow(name, value))
	}
	if m.Idempotent {
		refuse("idempotent", "")
	}
	if m.Timeout > 0 {
		refuse("timeout", m.limit)
	}
}

// setting returns the one value that directives and the flag M=value give.
func (m settingsReader) setting(r *Reporter, name string, values, flag []string) string {
	for _, item := range flag {
		if method, value, _ := strings.Cut(item, "="); method == m.Name {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		return ""
	}
	for _, other := range values[1:] {
		if other != values[0] {
			r.Report(Error, m.pos, m.Name, fmt.Sprintf("is given two values for %s, %s and %s", name, values[0], other), "keep one, as directive or as flag")
		}
	}
	return values[0]
}

// Validate returns an error about flags that are not of their form or contradict each
// other, or nil.
func (o *Options) Validate() error {
	if o.Close != "" && o.Close != "detach" && o.Close != "forward" {
		return fmt.Errorf("-close: %q is neither detach nor forward", o.Close)
	}
	if o.Hook != "" && o.Hook != "main" && o.Hook != "init" {
		return fmt.Errorf("-hook: %q is neither main nor init", o.Hook)
	}
	if slices.Contains(o.ReadOnly, "all") && slices.Contains(o.Concurrent, "all") {
		return errors.New("-readonly all and -concurrent all contradict each other")
	}
	for _, name := range o.Exclusive {
		if slices.Contains(o.ReadOnly, name) || slices.Contains(o.Concurrent, name) {
			return fmt.Errorf("%s is in -exclusive and in -readonly or -concurrent", name)
		}
	}
	for _, name := range o.ReadOnly {
		if name != "all" && slices.Contains(o.Concurrent, name) {
			return fmt.Errorf("%s is in both -readonly and -concurrent", name)
		}
	}
	for _, d := range directives {
		for _, item := range d.flag(o) {
			if name, value, _ := strings.Cut(item, d.separator); d.fits != nil && (name == "" || !d.fits(argumentOf(d.name, value))) {
				return fmt.Errorf("-%s: %q is not of the form %s", d.name, item, d.flagForm)
			}
		}
	}
	return nil
}

// CheckNames reports names in flags that no type has.
func (o *Options) CheckNames(r *Reporter, known map[string]bool) {
	for _, d := range directives {
		all := d.name == "readonly" || d.name == "concurrent"
		for _, item := range d.flag(o) {
			name := item
			if i := strings.IndexAny(item, "=."); i >= 0 {
				name = item[:i]
			}
			if known[name] || name == "all" && all {
				continue
			}
			reason := "no exported method is called " + name
			if name == "" {
				reason = "a name is empty"
			} else if !token.IsExported(name) {
				reason = name + " is not an exported method, and only those are shared"
			}
			r.Report(Error, token.NoPos, "-"+d.name, reason, didYouMean(name, slices.Sorted(maps.Keys(known)), "", ""))
		}
	}
}
