package consume

import (
	"context"
	"encoding/json"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"
	amqp "github.com/rabbitmq/amqp091-go"
)

type booking struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Cents   int64  `json:"cents"`
}

type Bookings struct {
	pool    *pgxpool.Pool
	channel *amqp.Channel
}

func New(pool *pgxpool.Pool, channel *amqp.Channel) *Bookings {
	return &Bookings{pool: pool, channel: channel}
}

func (b *Bookings) keep(ctx context.Context, entry booking) error {
	_, err := b.pool.Exec(ctx, `INSERT INTO bookings (id, account, cents) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`, entry.ID, entry.Account, entry.Cents)
	return err
}

// Run acknowledges what is stored, and refuses what is not.
func (b *Bookings) Run(ctx context.Context) error {
	deliveries, err := b.channel.ConsumeWithContext(ctx, "bookings", "ledger", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for delivery := range deliveries {
		var entry booking
		if err := json.Unmarshal(delivery.Body, &entry); err != nil {
			log.Printf("not readable: %v", err)
			delivery.Reject(false)
			continue
		}
		if err := b.keep(ctx, entry); err != nil {
			log.Printf("not kept: %v", err)
			delivery.Nack(false, true)
			continue
		}
		delivery.Ack(false)
	}
	return ctx.Err()
}

// RunHastily forgets the message before it has done what it asks for.
func (b *Bookings) RunHastily(ctx context.Context) error {
	deliveries, err := b.channel.ConsumeWithContext(ctx, "corrections", "ledger", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for delivery := range deliveries {
		delivery.Ack(false) // finds: ack-before-processing
		var entry booking
		if err := json.Unmarshal(delivery.Body, &entry); err != nil {
			log.Printf("not readable: %v", err)
			continue
		}
		if err := b.keep(ctx, entry); err != nil {
			return err
		}
	}
	return ctx.Err()
}
