import Redis from 'ioredis'
import { Broker } from '../core/broker'
import { StockItem } from '../core/database'
import { OrderService } from '../orders/service'

export async function startConsumers(broker: Broker, orders: OrderService, redis: Redis) {
  await broker.subscribe('stock.returned', async (payload) => {
    await StockItem.increment('quantity', { by: payload.count, where: { sku: payload.sku } }) // finds: redelivery-without-dedup
  })

  await broker.subscribe('stock.counted', async (payload) => {
    const fresh = await redis.set(`seen:${payload.id}`, '1', 'EX', 86400, 'NX')
    if (!fresh) return
    await StockItem.increment('quantity', { by: payload.count, where: { sku: payload.sku } })
  })

  await broker.subscribeEager('orders.state', async (payload) => {
    await orders.changeState(payload.id, payload.state)
  })

  await broker.subscribeQuiet('orders.total', async (payload) => {
    await orders.reprice(payload.id, payload.total)
  })
}

export class Backlog {
  private readonly pending: Array<() => Promise<void>> = []

  add(job: () => Promise<void>) {
    this.pending.push(job)
  }
}
