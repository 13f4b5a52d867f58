import Koa from 'koa'
import Redis from 'ioredis'
import cron from 'node-cron'
import { PaymentsApi } from './billing/payments'
import { Broker } from './core/broker'
import { Mutex, RedisCache } from './core/cache'
import { orderRoutes } from './orders/routes'
import { OrderService } from './orders/service'
import { startConsumers } from './consumers/stock'

async function main() {
  const redis = new Redis(process.env.REDIS_URL!)
  const broker = new Broker()
  await broker.start(process.env.AMQP_URL!)
  const payments = new PaymentsApi(process.env.PAYMENTS_URL!)
  const orders = new OrderService(new RedisCache(redis), broker, payments, new Mutex(redis))
  await startConsumers(broker, orders, redis)
  cron.schedule('*/5 * * * *', () => orders.settle(1))
  const app = new Koa()
  app.use(orderRoutes(orders, payments).routes())
  app.listen(3000)
}

main()
