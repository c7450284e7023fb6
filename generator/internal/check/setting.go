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

// Options say what is asked for. Package generator documents them.
type Options struct {
	Types                      []string
	New                        string
	Name                       string
	Output                     string
	Skip, ReadOnly, Concurrent []string
	Exclusive                  []string
	Idempotent                 []string
	InOut                      []string
	In                         []string
	Session                    []string
	Timeout                    []string
	Close                      string
	Hook                       string
	Strict                     bool
	Schema                     bool
	Verbose                    bool
	Dir                        string
	Pattern                    string
}

// settings are what directives and flags say of a method besides its mode.
type settings struct {
	exclusive  bool // it is asked to run alone
	Idempotent bool
	Timeout    time.Duration // 0: none of its own
	limit      string        // timeout as the user wrote it
	inout      []string      // names of parameters that come back
	in         []string      // names of parameters whose changes stay in the daemon
	End        string        // the name of the method that ends what this one acquires, or ""
	Ending     *Method       // that method, if there is one
	ends       bool          // it is such a method itself
	readOnly   string        // the directive or flag that makes it read-only, or ""
}

// settingsReader reads what directives and flags say of a method.
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
	m.Idempotent = m.has("idempotent") || slices.Contains(o.Idempotent, m.Name)
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
		r.Report(Error, m.pos, m.Name, "needs no "+name+", since it ends the handle only", "use -close forward, or "+remedies(m).dropHow(name, value, value))
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
	for _, item := range o.Timeout {
		if name, value, _ := strings.Cut(item, "="); name == "" || !isTimeout(value) {
			return fmt.Errorf("-timeout: %q is not of the form Method=5s", item)
		}
	}
	for _, item := range o.Session {
		if name, end, _ := strings.Cut(item, "="); name == "" || !token.IsIdentifier(end) {
			return fmt.Errorf("-session: %q is not of the form Lock=Unlock", item)
		}
	}
	for _, list := range []struct {
		flag  string
		items []string
	}{{"-inout", o.InOut}, {"-in", o.In}} {
		for _, item := range list.items {
			if name, param, _ := strings.Cut(item, "."); name == "" || !token.IsIdentifier(param) {
				return fmt.Errorf("%s: %q is not of the form Method.parameter", list.flag, item)
			}
		}
	}
	return nil
}

// CheckNames reports names in flags that no type has.
func (o *Options) CheckNames(r *Reporter, known map[string]bool) {
	for _, flag := range []struct {
		name  string
		items []string
		all   bool
	}{
		{"-skip", o.Skip, false},
		{"-readonly", o.ReadOnly, true},
		{"-concurrent", o.Concurrent, true},
		{"-exclusive", o.Exclusive, false},
		{"-idempotent", o.Idempotent, false},
		{"-inout", o.InOut, false},
		{"-in", o.In, false},
		{"-session", o.Session, false},
		{"-timeout", o.Timeout, false},
	} {
		for _, item := range flag.items {
			name := item
			if i := strings.IndexAny(item, "=."); i >= 0 {
				name = item[:i]
			}
			if known[name] || name == "all" && flag.all {
				continue
			}
			reason := "no exported method is called " + name
			if name == "" {
				reason = "a name is empty"
			} else if !token.IsExported(name) {
				reason = name + " is not an exported method, and only those are shared"
			}
			remedy := ""
			if near := nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
				remedy = "did you mean " + near + "?"
			}
			r.Report(Error, token.NoPos, flag.name, reason, remedy)
		}
	}
}
