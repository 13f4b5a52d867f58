package bank

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const attempt = 4 * time.Second

// Gateway asks the old bank, which is slow.
type Gateway struct {
	http *http.Client
	pool *pgxpool.Pool
	mu   sync.Mutex
	last string
}

func NewGateway(pool *pgxpool.Pool) *Gateway {
	return &Gateway{http: &http.Client{Timeout: attempt}, pool: pool}
}

func (g *Gateway) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://old-bank.example.com"+path, nil)
	if err != nil {
		return nil, err
	}
	return g.http.Do(req)
}

// Balance waits less than one attempt may take.
func (g *Gateway) Balance(ctx context.Context, iban string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // finds: timeout-inversion
	defer cancel()
	return g.get(ctx, "/balances/"+url.PathEscape(iban))
}

// Owner keeps a connection while the old bank thinks.
func (g *Gateway) Owner(ctx context.Context, account string) (*http.Response, error) {
	conn, err := g.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	var iban string
	if err := conn.QueryRow(ctx, `SELECT iban FROM accounts WHERE id = $1`, account).Scan(&iban); err != nil {
		return nil, err
	}
	return g.get(ctx, "/owners/"+url.PathEscape(iban)) // finds: connection-held-across-remote-call
}

// OwnerOf gives it back first.
func (g *Gateway) OwnerOf(ctx context.Context, account string) (*http.Response, error) {
	var iban string
	if err := g.pool.QueryRow(ctx, `SELECT iban FROM accounts WHERE id = $1`, account).Scan(&iban); err != nil {
		return nil, err
	}
	return g.get(ctx, "/owners/"+url.PathEscape(iban))
}

// Remember locks for as long as it takes to keep a word.
func (g *Gateway) Remember(ctx context.Context, iban string) error {
	resp, err := g.get(ctx, "/names/"+url.PathEscape(iban))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	name, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = string(name)
	return nil
}

// Await asks until the old bank is up; nothing ends it but that.
func (g *Gateway) Await() {
	for { // finds: unbounded-retry
		resp, err := g.http.Get("https://old-bank.example.com/health")
		if err != nil {
			time.Sleep(5 * time.Second)
			continue
		}
		resp.Body.Close()
		return
	}
}

// AwaitFor gives up with its context.
func (g *Gateway) AwaitFor(ctx context.Context) error {
	for {
		resp, err := g.get(ctx, "/health")
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

func (g *Gateway) branches(ctx context.Context) ([]string, error) {
	rows, err := g.pool.Query(ctx, `SELECT name FROM branches`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Ping asks everybody at once.
func (g *Gateway) Ping(ctx context.Context) error {
	branches, err := g.branches(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, branch := range branches {
		wg.Add(1)
		go func(branch string) { // finds: unbounded-fanout
			defer wg.Done()
			g.ping(branch)
		}(branch)
	}
	wg.Wait()
	return nil
}

// PingSome takes a permit for each.
func (g *Gateway) PingSome(ctx context.Context) error {
	branches, err := g.branches(ctx)
	if err != nil {
		return err
	}
	permits := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for _, branch := range branches {
		permits <- struct{}{}
		wg.Add(1)
		go func(branch string) {
			defer wg.Done()
			defer func() { <-permits }()
			g.ping(branch)
		}(branch)
	}
	wg.Wait()
	return nil
}

func (g *Gateway) ping(branch string) {
	resp, err := g.http.Get("https://" + branch + ".old-bank.example.com/health")
	if err != nil {
		return
	}
	resp.Body.Close()
}
