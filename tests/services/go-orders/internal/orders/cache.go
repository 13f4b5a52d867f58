package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

type Cache struct {
	rdb *redis.Client
}

func NewCache(rdb *redis.Client) *Cache {
	return &Cache{rdb: rdb}
}

func orderKey(id string) string {
	return fmt.Sprintf("order:%s", id)
}

func (c *Cache) Get(ctx context.Context, id string) (*Order, error) {
	text, err := c.rdb.Get(ctx, orderKey(id)).Bytes()
	if err != nil {
		return nil, err
	}
	var order Order
	return &order, json.Unmarshal(text, &order)
}

func (c *Cache) Put(ctx context.Context, order *Order) error {
	text, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return c.rdb.Set(ctx, orderKey(order.ID), text, 10*time.Minute).Err()
}

func (c *Cache) Drop(ctx context.Context, id string) error {
	return c.rdb.Del(ctx, orderKey(id)).Err()
}
