import { Transaction } from 'sequelize'
import { Invoice, Order, StockItem, sequelize } from '../core/database'
import { Broker } from '../core/broker'
import { Cache, Mutex } from '../core/cache'
import { PaymentsApi } from '../billing/payments'

export class OrderService {
  constructor(
    private readonly cache: Cache,
    private readonly broker: Broker,
    private readonly payments: PaymentsApi,
    private readonly mutex: Mutex,
  ) {}

  async find(id: number) {
    const key = `order:${id}`
    const hit = await this.cache.get(key)
    if (hit) return JSON.parse(hit)
    const order = await Order.findByPk(id) // finds: cache-stampede
    await this.cache.set(key, JSON.stringify(order), 120)
    return order
  }

  async changeState(id: number, state: string) {
    await Order.update({ state }, { where: { id } })
    await this.cache.drop(`order:${id}`)
  }

  async reprice(id: number, total: number) {
    await Order.update({ total }, { where: { id } }) // finds: cache-not-invalidated
  }

  async place(reference: string, total: number) {
    const order = await Order.create({ reference, total, state: 'new' }) // finds: post-without-idempotency-key
    this.broker.publish('orders', 'placed', { id: order.id }) // finds: dual-write
    return order
  }

  async reserve(sku: string, count: number) {
    const item = await StockItem.findOne({ where: { sku } }) // finds: replica-read-modify-write
    if (!item || item.quantity < count) throw new Error('out of stock')
    item.quantity -= count
    await item.save()
  }

  async reserveLocked(sku: string, count: number) {
    await sequelize.transaction(async (transaction: Transaction) => {
      const item = await StockItem.findOne({ where: { sku }, transaction, lock: transaction.LOCK.UPDATE })
      if (!item || item.quantity < count) throw new Error('out of stock')
      item.quantity -= count
      await item.save({ transaction })
    })
  }

  async reserveAtomically(sku: string, count: number) {
    await StockItem.decrement('quantity', { by: count, where: { sku } })
  }

  async pay(id: number) {
    const transaction = await sequelize.transaction()
    try {
      const order = await Order.findByPk(id, { transaction, lock: true })
      await this.payments.chargeOnce(id, order!.total) // finds: remote-call-in-transaction
      await order!.update({ state: 'paid' }, { transaction }) // finds: cache-not-invalidated
      await transaction.commit()
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  }

  async payAfter(id: number) {
    const order = await sequelize.transaction(async (transaction) => Order.findByPk(id, { transaction }))
    await this.payments.chargeOnce(id, order!.total)
    await this.changeState(id, 'paid')
  }

  async invoice(id: number) {
    await sequelize.transaction(async (transaction) => {
      await Invoice.create({ number: `INV-${id}`, orderId: id, amount: 0 }, { transaction })
      this.broker.publish('invoices', 'created', { id }) // finds: enqueue-before-commit
    })
  }

  async invoiceAfter(id: number) {
    await sequelize.transaction(async (transaction) => {
      await Invoice.create({ number: `INV-${id}`, orderId: id, amount: 0 }, { transaction })
      transaction.afterCommit(() => this.broker.publish('invoices', 'created', { id }))
    })
  }

  async settle(id: number) {
    await this.mutex.run(`settle:${id}`, async () => {
      const { data } = await this.payments.status(String(id))
      await Order.update({ total: data.amount }, { where: { id } }) // finds: lock-without-fenced-write, cache-not-invalidated
    })
  }
}
