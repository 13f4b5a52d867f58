package bank

import (
	"context"
	"fmt"

	"github.com/cenkalti/backoff/v4"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
)

type Cards struct {
	stripe *client.API
}

func NewCards(stripe *client.API) *Cards {
	return &Cards{stripe: stripe}
}

// Charge carries no key.
func (c *Cards) Charge(ctx context.Context, account string, cents int64) error {
	params := &stripe.PaymentIntentParams{Amount: stripe.Int64(cents), Customer: stripe.String(account)}
	params.Context = ctx
	_, err := c.stripe.PaymentIntents.New(params) // finds: post-without-idempotency-key
	return err
}

// Authorise tries again what nobody can tell from another one.
func (c *Cards) Authorise(ctx context.Context, account string, cents int64) error {
	return backoff.Retry(func() error {
		params := &stripe.PaymentIntentParams{
			Amount:        stripe.Int64(cents),
			Customer:      stripe.String(account),
			CaptureMethod: stripe.String("manual"),
		}
		_, err := c.stripe.PaymentIntents.New(params) // finds: retry-without-idempotency-key, remote-call-in-transaction
		return err
	}, backoff.WithMaxRetries(backoff.NewExponentialBackOff(), 3))
}

// Payout makes its key from the job.
func (c *Cards) Payout(ctx context.Context, job, account string, cents int64) error {
	return backoff.Retry(func() error {
		params := &stripe.PayoutParams{Amount: stripe.Int64(cents), Destination: stripe.String(account)}
		params.SetIdempotencyKey(fmt.Sprintf("payout-%s", job))
		_, err := c.stripe.Payouts.New(params)
		return err
	}, backoff.WithContext(backoff.NewExponentialBackOff(), ctx))
}

// Refund is one attempt.
func (c *Cards) Refund(charge string) error {
	params := &stripe.RefundParams{Charge: stripe.String(charge)}
	params.SetIdempotencyKey("refund-" + charge)
	_, err := c.stripe.Refunds.New(params)
	return err
}
