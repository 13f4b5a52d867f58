package infra

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// ErrLocked says that another process is at it.
var ErrLocked = errors.New("locked")

var release = redis.NewScript(`
if redis.call("get", KEYS[1]) == ARGV[1] then
	return redis.call("del", KEYS[1])
end
return 0`)

func OpenRedis() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
}

// WithLock runs work while no other process holds the lock of that name.
func WithLock(ctx context.Context, rdb *redis.Client, name string, ttl time.Duration, work func() error) error {
	key, token := "lock:"+name, uuid.NewString()
	taken, err := rdb.SetNX(ctx, key, token, ttl).Result()
	if err != nil {
		return err
	}
	if !taken {
		return ErrLocked
	}
	defer release.Run(ctx, rdb, []string{key}, token)
	return work()
}

// TryLeader takes the lock of the leader; whoever dies with it blocks all others.
func TryLeader(ctx context.Context, rdb *redis.Client, node string) (bool, error) {
	return rdb.SetNX(ctx, "lock:leader", node, 0).Result() // finds: lock-without-expiry
}

func ResignLeader(ctx context.Context, rdb *redis.Client) error {
	return rdb.Del(ctx, "lock:leader").Err() // finds: lock-release-without-owner-check
}

// FirstTime marks an event; it is no lock.
func FirstTime(ctx context.Context, rdb *redis.Client, event string) (bool, error) {
	return rdb.SetNX(ctx, "seen:"+event, "1", 24*time.Hour).Result()
}
