package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// kinds are the kinds of profiles.
var kinds = []string{"cpu", "heap", "mutex"}

// maxSeconds is the longest profile that a daemon makes.
const maxSeconds = 300

// profiled is what profile prints with -json.
type profiled struct {
	Name, Kind string
	File       string `json:",omitempty"` // with -o
	Profile    []byte `json:",omitempty"` // otherwise
}

func profile(ctx context.Context, in *invocation) error {
	kind := in.args[1]
	switch {
	case !slices.Contains(kinds, kind):
		return errUsage{fmt.Errorf("no kind of profile is named %q%s; give cpu, heap or mutex", kind, meant(kind, kinds))}
	case in.seconds < 1 || in.seconds > maxSeconds:
		return errUsage{fmt.Errorf("-seconds %d: give 1 to %d", in.seconds, maxSeconds)}
	case in.output == "" && !in.json && terminal(in.stdout):
		return errUsage{errors.New("a profile is not for a terminal: give -o FILE, or redirect the output")}
	}
	d, err := in.daemon()
	if err != nil {
		return err
	}
	data, err := d.Profile(ctx, kind, in.seconds)
	if err != nil {
		return err
	}
	if in.output != "" {
		if err := os.WriteFile(in.output, data, 0o600); err != nil {
			return err
		}
		data = nil
	}
	switch {
	case in.json:
		return in.encode(profiled{d.Name, kind, in.output, data})
	case in.output == "":
		_, err = in.stdout.Write(data)
		return err
	}
	_, err = fmt.Fprintf(in.stdout, "%s: wrote the profile to %s; look at it with: go tool pprof %[2]s\n", word(d.Name), word(in.output))
	return err
}

// terminal reports whether output is a device other than the null device.
func terminal(output any) bool {
	f, ok := output.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	null, nerr := os.Stat(os.DevNull)
	return err == nil && info.Mode()&fs.ModeCharDevice != 0 && !(nerr == nil && os.SameFile(info, null))
}
