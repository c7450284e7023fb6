package rundir

import (
	"fmt"
	"sync"
)

// TrySpawnLock takes spawn.lock if nobody has it, and says whether it did.
// unlock releases the lock and may be called more than once; it is not nil
// when ok is true. The directory is made again if it was removed.
func (d *Dir) TrySpawnLock() (unlock func(), ok bool, err error) {
	lock, err := d.try(spawnLockName)
	if err != nil {
		return nil, false, fmt.Errorf("taking the lock %s: %w", d.file(spawnLockName), err)
	}
	if lock == nil {
		return nil, false, nil
	}
	return sync.OnceFunc(func() { release(lock) }), true, nil
}
