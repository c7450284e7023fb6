package rundir

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"time"
)

// publishedEndpoint is the endpoint that this daemon has written last.
type publishedEndpoint struct {
	text []byte
	mode fs.FileMode
	// seen describes the file when its bytes were last found equal to text. It is nil
	// if a later change could leave size and time the same: see settled.
	seen fs.FileInfo
}

// settled is the age from which an equal time of modification proves that a file has not
// changed: file systems round that time, to 2 s at worst.
const settled = 3 * time.Second

// intact reports whether clients read exactly the bytes that were published. It compares
// the bytes only if the file's inode, size, mode or time differ from those of the last
// comparison. A file that cannot be read, for lack of descriptors for instance, counts as
// intact.
func (p *publishedEndpoint) intact(d *Dir) bool {
	info, err := os.Lstat(d.file(endpointName))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	if p.seen != nil && unchanged(p.seen, info) {
		return true
	}
	p.seen = nil
	if info.Mode() == p.mode {
		text, err := d.readFile(endpointName, maxEndpoint)
		if err != nil {
			return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errForeign)
		}
		if bytes.Equal(text, p.text) {
			if time.Since(info.ModTime()) > settled {
				p.seen = info
			}
			return true
		}
	}
	return false
}

func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}
