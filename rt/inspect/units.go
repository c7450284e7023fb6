package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unitDirs are the directories where systemd looks for units, the first one first.
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// unit is a unit file with its drop-ins: the values of each key. An empty value removes those
// before it, as systemd does it for lists.
type unit struct {
	path   string
	values map[string][]string
}

// readUnit reads a unit and its drop-ins. It returns nil if there is no unit.
func readUnit(dirs []string, name string) *unit {
	var u *unit
	for _, dir := range dirs {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			u = &unit{filepath.Join(dir, name), make(map[string][]string)}
			u.parse(string(text))
			break
		}
	}
	if u == nil {
		return nil
	}
	for _, dir := range dirs {
		parts, _ := filepath.Glob(filepath.Join(dir, name+".d", "*.conf"))
		for _, part := range parts {
			if text, err := os.ReadFile(part); err == nil {
				u.parse(string(text))
			}
		}
	}
	return u
}

func (u *unit) parse(text string) {
	name := filepath.Base(u.path)
	plain := strings.TrimSuffix(name, filepath.Ext(name))
	specifiers := strings.NewReplacer("%%", "%", "%n", name, "%N", plain, "%p", plain, "%t", "/run")
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") || strings.HasPrefix(key, ";") {
			continue
		}
		key = strings.TrimSpace(key)
		u.values[key] = append(u.values[key], strings.Fields(specifiers.Replace(value))...)
		if strings.TrimSpace(value) == "" {
			u.values[key] = nil
		}
	}
}

// last returns the value of a key that counts if there are several, or "".
func (u *unit) last(key string) string {
	if list := u.values[key]; len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// dropIn returns the command that adds lines to a unit in dir, the first of the directories
// that systemd reads, and then runs the command after.
func (u *unit) dropIn(dir, after string, lines ...string) string {
	text := "printf '%s\\n'"
	for _, line := range lines {
		text += " " + shellWord(line)
	}
	file := filepath.Join(dir, filepath.Base(u.path)+".d", "loopgen.conf")
	return text + " | " + sudo() + "install -D -m 644 /dev/stdin " + shellWord(file) + " && " + sudo() + "systemctl daemon-reload && " + after
}

// systemdRuns reports whether systemd is the service manager.
func systemdRuns() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// units compares the units of a service with the directory that clients use. A service is
// expected in the unit of its name.
func (x *examination) units(d *Daemon, dirs []string) {
	service, socket := readUnit(dirs, d.Name+".service"), readUnit(dirs, d.Name+".socket")
	if service == nil {
		x.add(d, fmt.Sprintf("systemd has no unit %s.service that would start it", d.Name), sudo()+"systemctl edit --full --force "+d.Name+".service")
		return
	}
	directory := "loopgen/" + d.Name
	if d.Dir == "/run/"+directory {
		problem := ""
		switch given := service.values["RuntimeDirectory"]; {
		case !slices.Contains(given, directory):
			problem = fmt.Sprintf(" has RuntimeDirectory=%s; clients look in %s", strings.Join(given, " "), d.Dir)
		case socket != nil && service.last("RuntimeDirectoryPreserve") != "yes":
			problem = " lets systemd remove the socket when the service exits"
		}
		if problem != "" {
			x.add(d, service.path+problem, service.dropIn(dirs[0], sudo()+"systemctl restart "+d.Name+".service",
				"[Service]", "RuntimeDirectory="+directory, "RuntimeDirectoryPreserve=yes"))
		}
	}
	if socket != nil {
		x.socketUnit(d, socket, dirs[0])
	} else if !d.Lives() {
		x.add(d, "the service does not run", sudo()+"systemctl start "+d.Name+".service")
	}
}

// socketUnit examines the unit of the socket of a service.
func (x *examination) socketUnit(d *Daemon, u *unit, dir string) {
	path, mode := filepath.Join(d.Dir, "socket"), u.last("SocketMode")
	problem := ""
	switch streams := u.values["ListenStream"]; {
	case !slices.Contains(streams, path):
		problem = fmt.Sprintf(" has ListenStream=%s, where no client looks", strings.Join(streams, " "))
	case mode != "" && !strings.HasSuffix(mode, "666") && u.last("SocketGroup") == "":
		problem = fmt.Sprintf(" has SocketMode=%s, so that other users cannot connect", mode)
	}
	if problem != "" {
		// A socket cannot start while its service runs.
		after := fmt.Sprintf("%ssystemctl stop %s.service && %[1]ssystemctl restart %[2]s.socket", sudo(), d.Name)
		x.add(d, u.path+problem, u.dropIn(dir, after, "[Socket]", "ListenStream=", "ListenStream="+path, "SocketMode=0666"))
	}
}
