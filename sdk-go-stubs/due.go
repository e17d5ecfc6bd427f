// What a connection has still to acknowledge.

package cadge

import "sync"

// due is kept for each connection anew: a hub counts an acknowledgement only as far as it has sent alerts on this one,
// and what came on the one before is sent again first.
type due struct {
	lock sync.Mutex
	// The last position that this connection has brought, and the last that was acknowledged on it.
	seen, acknowledged uint64
}

// see notes that the connection has brought everything up to a position.
func (d *due) see(position uint64) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.seen = max(d.seen, position)
}

// next is what to acknowledge now if everything up to dealtWith is dealt with; 0 is nothing.
func (d *due) next(dealtWith uint64) uint64 {
	d.lock.Lock()
	defer d.lock.Unlock()
	position := min(dealtWith, d.seen)
	if position <= d.acknowledged {
		return 0
	}
	d.acknowledged = position
	return position
}
