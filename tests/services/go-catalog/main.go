package main

import (
	"log"
	"os"

	"github.com/IBM/sarama"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"example.com/catalog/carts"
	"example.com/catalog/catalog"
	"example.com/catalog/events"
	"example.com/catalog/gen/pricingpb"
	"example.com/catalog/server"
	"example.com/catalog/stock"
)

func main() {
	logger := zap.Must(zap.NewProduction())
	primary, err := gorm.Open(postgres.Open(os.Getenv("DATABASE_URL")))
	if err != nil {
		log.Fatalf("primary: %v", err)
	}
	replica, err := gorm.Open(postgres.Open(os.Getenv("DATABASE_REPLICA_URL")))
	if err != nil {
		log.Fatalf("replica: %v", err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	producer, err := sarama.NewSyncProducer([]string{os.Getenv("KAFKA_BROKER")}, nil)
	if err != nil {
		log.Fatalf("producer: %v", err)
	}
	conn, err := grpc.NewClient(os.Getenv("PRICING_ADDR"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatalf("pricing: %v", err)
	}

	publisher := events.NewPublisher(producer)
	products := catalog.NewRepository(primary, replica)
	service := catalog.NewService(products, catalog.NewCache(rdb), pricingpb.NewPricingClient(conn), publisher, logger)
	keeper := stock.NewKeeper(primary, redsync.New(goredis.NewPool(rdb)), publisher)
	cartService := carts.NewService(primary, publisher, logger)

	router := server.New(service, keeper, cartService)
	if err := router.Run(":8080"); err != nil {
		log.Fatalf("server: %v", err)
	}
}
