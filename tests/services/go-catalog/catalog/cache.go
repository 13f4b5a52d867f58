package catalog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

type Cache struct {
	rdb   *redis.Client
	group singleflight.Group
}

func NewCache(rdb *redis.Client) *Cache {
	return &Cache{rdb: rdb}
}

func (c *Cache) get(ctx context.Context, sku string) (*Product, error) {
	text, err := c.rdb.Get(ctx, "product:"+sku).Bytes()
	if err != nil {
		return nil, err
	}
	var product Product
	return &product, json.Unmarshal(text, &product)
}

func (c *Cache) put(ctx context.Context, product *Product) error {
	text, err := json.Marshal(product)
	if err != nil {
		return err
	}
	return c.rdb.Set(ctx, "product:"+product.SKU, text, time.Hour).Err()
}

func (c *Cache) drop(ctx context.Context, sku string) error {
	return c.rdb.Del(ctx, "product:"+sku).Err()
}
