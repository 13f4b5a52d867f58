module example.com/orders

go 1.22

require (
	github.com/google/uuid v1.6.0
	github.com/jackc/pgx/v5 v5.6.0
	github.com/redis/go-redis/v9 v9.5.0
	github.com/segmentio/kafka-go v0.4.47
	golang.org/x/sync v0.7.0
)
