package jobs

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"example.com/orders/internal/infra"
	"example.com/orders/internal/orders"
)

var hooks = &http.Client{Timeout: 5 * time.Second}

type Sweeper struct {
	databases *infra.Databases
	rdb       *redis.Client
	service   *orders.Service
}

func NewSweeper(databases *infra.Databases, rdb *redis.Client, service *orders.Service) *Sweeper {
	return &Sweeper{databases: databases, rdb: rdb, service: service}
}

func (s *Sweeper) Run(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.settle(ctx); err != nil && !errors.Is(err, infra.ErrLocked) {
				slog.Error("not settled", "error", err)
			}
		}
	}
}

// settle writes under a lock that may be gone by then.
func (s *Sweeper) settle(ctx context.Context) error {
	return infra.WithLock(ctx, s.rdb, "settlement", 30*time.Second, func() error {
		_, err := s.databases.Primary.ExecContext(ctx, `UPDATE accounts SET settled = cents, cents = 0`) // finds: lock-without-fenced-write
		return err
	})
}

func notify(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, nil)
	if err != nil {
		return err
	}
	resp, err := hooks.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (s *Sweeper) urls(ctx context.Context) ([]string, error) {
	rows, err := s.databases.Replica.QueryContext(ctx, `SELECT url FROM hooks WHERE active`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var urls []string
	for rows.Next() {
		var url string
		if err := rows.Scan(&url); err != nil {
			return nil, err
		}
		urls = append(urls, url)
	}
	return urls, rows.Err()
}

// NotifyAll starts as many requests as there are hooks.
func (s *Sweeper) NotifyAll(ctx context.Context) error {
	urls, err := s.urls(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, url := range urls {
		group.Go(func() error { return notify(ctx, url) }) // finds: unbounded-fanout
	}
	return group.Wait()
}

// NotifySome has a limit.
func (s *Sweeper) NotifySome(ctx context.Context) error {
	urls, err := s.urls(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, url := range urls {
		group.Go(func() error { return notify(ctx, url) })
	}
	return group.Wait()
}

// WaitForPeer asks until it is answered.
func WaitForPeer(url string) *http.Response {
	for { // finds: unbounded-retry
		resp, err := hooks.Get(url)
		if err == nil {
			return resp
		}
		slog.Warn("peer is away", "error", err)
		time.Sleep(time.Second)
	}
}
