package billing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"example.com/orders/internal/infra"
)

type Payments struct {
	http *http.Client
	base string
}

func NewPayments(base string) *Payments {
	return &Payments{http: &http.Client{Timeout: 3 * time.Second}, base: base}
}

type charge struct {
	Order string `json:"order"`
	Cents int64  `json:"cents"`
}

func (p *Payments) request(ctx context.Context, method, path, key string, body any) (*http.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return req, nil
}

func (p *Payments) send(req *http.Request) error {
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("payments: %s", resp.Status)
	}
	return nil
}

// Charge tries three times with one key.
func (p *Payments) Charge(ctx context.Context, order string, cents int64) error {
	return infra.Retry(ctx, 3, func(ctx context.Context) error {
		req, err := p.request(ctx, http.MethodPost, "/charges", "charge-"+order, charge{order, cents})
		if err != nil {
			return err
		}
		return p.send(req)
	})
}

// Refund makes a key for each attempt, which is as good as none.
func (p *Payments) Refund(ctx context.Context, order string, cents int64) error {
	return infra.Retry(ctx, 3, func(ctx context.Context) error {
		body, err := json.Marshal(charge{order, cents})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/refunds", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Idempotency-Key", uuid.NewString())
		resp, err := p.http.Do(req) // finds: idempotency-key-per-attempt, remote-call-in-transaction
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// Payout carries no key at all.
func (p *Payments) Payout(ctx context.Context, seller string, cents int64) error {
	body, err := json.Marshal(charge{seller, cents})
	if err != nil {
		return err
	}
	return infra.Retry(ctx, 5, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/payouts", bytes.NewReader(body))
		if err != nil {
			return err
		}
		resp, err := p.http.Do(req) // finds: retry-without-idempotency-key, post-without-idempotency-key
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// Fees only reads.
func (p *Payments) Fees(ctx context.Context, country string) (*http.Response, error) {
	var resp *http.Response
	err := infra.Retry(ctx, 3, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/fees/"+country, nil)
		if err != nil {
			return err
		}
		resp, err = p.http.Do(req)
		return err
	})
	return resp, err
}
