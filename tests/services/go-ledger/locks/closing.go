package locks

import (
	"context"
	"time"

	"github.com/bsm/redislock"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// Closing closes the books of a month, one process at a time.
type Closing struct {
	locker *redislock.Client
	rdb    *redis.Client
	pool   *pgxpool.Pool
}

func (c *Closing) Close(ctx context.Context, month string) error {
	lock, err := c.locker.Obtain(ctx, "closing:"+month, time.Minute, nil)
	if err != nil {
		return err
	}
	defer lock.Release(ctx)
	_, err = c.pool.Exec(ctx, `UPDATE books SET state = 'closed' WHERE month = $1`, month) // finds: lock-without-fenced-write
	return err
}

// CloseOnce only goes on from the state that it expects.
func (c *Closing) CloseOnce(ctx context.Context, month string) error {
	lock, err := c.locker.Obtain(ctx, "closing:"+month, time.Minute, nil)
	if err != nil {
		return err
	}
	defer lock.Release(ctx)
	_, err = c.pool.Exec(ctx, `UPDATE books SET state = 'closed' WHERE month = $1 AND state = 'open'`, month)
	return err
}

// Freeze takes a lock that nothing ends but its release.
func (c *Closing) Freeze(ctx context.Context, month, who string) (bool, error) {
	return c.rdb.SetNX(ctx, "lock:freeze:"+month, who, 0).Result() // finds: lock-without-expiry
}

// Thaw takes whoever's lock it is away.
func (c *Closing) Thaw(ctx context.Context, month string) error {
	return c.rdb.Del(ctx, "lock:freeze:"+month).Err() // finds: lock-release-without-owner-check
}
