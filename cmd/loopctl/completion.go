package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/loopgen/loopgen/rt/inspect"
)

// scripts are the completion scripts. Each asks loopctl complete, with the words of the
// command line up to the cursor, for the words that can be in the place of the last one.
var scripts = map[string]string{
	// Bash completes the part of a word after a colon or an at sign, $2, and splits
	// COMP_WORDS there. So the line is split again, and the part before is cut off.
	"bash": `_loopctl() {
	local line=${COMP_LINE:0:COMP_POINT} words word cut
	read -a words <<<"$line"
	if [[ $line == *[[:blank:]] && $line != *\\[[:blank:]] ]]; then words+=(""); fi
	word=${words[${#words[@]}-1]}
	cut=${word%"${2//\\/}"}
	COMPREPLY=()
	while IFS= read -r word; do
		printf -v word %q "${word#"$cut"}"
		COMPREPLY+=("$word")
	done < <(loopctl complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _loopctl loopctl
`,
	"zsh": `_loopctl() {
	local -a found
	found=("${(@f)$(loopctl complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	if (( ${#found[1]} )); then compadd -- "${found[@]}"; else _files; fi
}
compdef _loopctl loopctl
`,
	"fish": `complete -c loopctl -e
complete -c loopctl -f -a '(loopctl complete -- (commandline -opc)[2..-1] (commandline -ct | string unescape) 2>/dev/null)'
complete -c loopctl -o dir -r -F
`,
}

func completion(_ context.Context, in *invocation) error {
	script, ok := scripts[in.args[0]]
	if !ok {
		return errUsage{fmt.Errorf("no script for the shell %q%s; give bash, zsh or fish", in.args[0], meant(in.args[0], slices.Collect(maps.Keys(scripts))))}
	}
	_, err := fmt.Fprint(in.stdout, script)
	return err
}

// complete returns the words that can be in the place of the last of words.
func complete(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	typed := words[len(words)-1]
	return slices.DeleteFunc(candidates(words[:len(words)-1], typed), func(word string) bool { return !strings.HasPrefix(word, typed) })
}

// candidates returns the words that can follow before. Typed, the beginning of the word, only
// decides between flags and others.
func candidates(before []string, typed string) []string {
	if len(before) == 0 {
		return names()
	}
	c := find(before[0])
	if c == nil {
		return nil
	}
	in := new(invocation)
	flags := c.flagSet(in)
	if strings.HasPrefix(typed, "-") {
		var list []string
		flags.VisitAll(func(f *flag.Flag) { list = append(list, "-"+f.Name) })
		return list
	}
	switch last := strings.TrimLeft(before[len(before)-1], "-"); {
	case last == before[len(before)-1]: // not a flag
	case last == "scope":
		return []string{"user", "session", "project", "dir", "system"}
	case last == "dir", slices.Contains([]string{"timeout", "n", "seconds", "o"}, last) && flags.Lookup(last) != nil:
		return nil // the shell completes the value
	}
	for args := before[1:]; flags.Parse(args) == nil && flags.NArg() > 0; args = flags.Args()[1:] {
		in.args = append(in.args, flags.Arg(0))
	}
	switch {
	case len(in.args) >= c.most:
		return nil
	case c.name == "completion":
		return slices.Sorted(maps.Keys(scripts))
	case len(in.args) == 1 && c.name == "profile":
		return kinds
	case len(in.args) >= 2: // arguments of a method
		return nil
	case len(in.args) == 1:
		d, err := inspect.Find(in.where, in.args[0])
		if err != nil {
			return nil
		}
		var methods []string
		for _, m := range d.Methods {
			methods = append(methods, m.Name)
		}
		return methods
	}
	exited := c.name == "logs" || c.name == "describe" || c.name == "doctor"
	daemons, _ := inspect.List(in.where)
	var list []string
	for _, d := range daemons {
		if d.Lives() || exited {
			list = append(list, d.Name)
		}
	}
	return slices.Compact(list)
}
