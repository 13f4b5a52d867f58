package stock

import (
	"context"
	"encoding/json"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
	"gorm.io/gorm"
)

type delivery struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

// Deliveries puts what has come on the shelves.
type Deliveries struct {
	db     *gorm.DB
	logger *zap.Logger
}

func (d *Deliveries) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (d *Deliveries) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim adds twice what is delivered twice, and marks what has failed.
func (d *Deliveries) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		var came delivery
		if err := json.Unmarshal(message.Value, &came); err != nil {
			d.logger.Error("not readable", zap.Error(err))
			session.MarkMessage(message, "")
			continue
		}
		if err := d.add(session.Context(), came); err != nil { // finds: swallowed-consumer-error
			d.logger.Error("not added", zap.Error(err))
		}
		session.MarkMessage(message, "")
	}
	return nil
}

func (d *Deliveries) add(ctx context.Context, came delivery) error {
	return d.db.WithContext(ctx).Exec(`UPDATE levels SET left = left + ? WHERE sku = ?`, came.Count, came.SKU).Error // finds: redelivery-without-dedup
}

func Consume(ctx context.Context, group sarama.ConsumerGroup, deliveries *Deliveries) error {
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{"deliveries"}, deliveries); err != nil {
			return err
		}
	}
	return ctx.Err()
}
