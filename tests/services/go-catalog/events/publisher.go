package events

import (
	"context"
	"encoding/json"

	"github.com/IBM/sarama"
)

type Publisher struct {
	producer sarama.SyncProducer
}

func NewPublisher(producer sarama.SyncProducer) *Publisher {
	return &Publisher{producer: producer}
}

func (p *Publisher) publish(topic, key string, event any) error {
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	_, _, err = p.producer.SendMessage(&sarama.ProducerMessage{
		Topic: topic,
		Key:   sarama.StringEncoder(key),
		Value: sarama.ByteEncoder(body),
	})
	return err
}

func (p *Publisher) Changed(ctx context.Context, sku string) error {
	return p.publish("products.changed", sku, map[string]string{"sku": sku}) // finds: dual-write
}

func (p *Publisher) Taken(ctx context.Context, sku string, n int) error {
	return p.publish("stock.taken", sku, map[string]int{sku: n}) // finds: enqueue-before-commit
}

func (p *Publisher) Ordered(ctx context.Context, order string) error {
	return p.publish("orders.placed", order, map[string]string{"id": order})
}
