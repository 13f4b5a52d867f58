module example.com/catalog

go 1.22

require (
	github.com/IBM/sarama v1.43.0
	github.com/avast/retry-go/v4 v4.6.0
	github.com/gin-gonic/gin v1.10.0
	github.com/go-redsync/redsync/v4 v4.13.0
	github.com/redis/go-redis/v9 v9.5.0
	go.uber.org/zap v1.27.0
	golang.org/x/sync v0.7.0
	google.golang.org/grpc v1.63.0
	gorm.io/gorm v1.25.10
)
