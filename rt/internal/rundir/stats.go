package rundir

import (
	"errors"
	"fmt"
	"io/fs"
)

// maxStats bounds the file of totals, in bytes.
const maxStats = 16 << 20

// ReadStats returns the content of the file stats, in which the daemons of the singleton
// leave the numbers of their calls. The error matches ErrAbsent if there is no file, or one
// that no daemon of this user wrote. Any other error says that this process could not read
// the file, which may have numbers.
func (d *Dir) ReadStats() ([]byte, error) {
	data, err := d.readFile(statsName, maxStats)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errForeign) && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the totals: %w", err)
	}
	return data, nil
}

// WriteStats makes data the content of the file stats, in one step. Only this user may read
// the file, also in the directory of a service. If WriteStats fails, the old file is still
// there. The error is ErrLost if the directory or life.lock was removed.
func (l *DaemonLock) WriteStats(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost() {
		return ErrLost
	}
	return replaceFile(l.root, statsName, data, 0o600)
}
