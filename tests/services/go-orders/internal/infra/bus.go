package infra

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

type Bus struct {
	writer *kafka.Writer
}

func NewBus(brokers string) *Bus {
	return &Bus{writer: &kafka.Writer{
		Addr:         kafka.TCP(strings.Split(brokers, ",")...),
		RequiredAcks: kafka.RequireAll,
		WriteTimeout: 5 * time.Second,
	}}
}

func (b *Bus) Publish(ctx context.Context, topic, key string, event any) error {
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	return b.writer.WriteMessages(ctx, kafka.Message{Topic: topic, Key: []byte(key), Value: body})
}

func (b *Bus) Close() error {
	return b.writer.Close()
}
