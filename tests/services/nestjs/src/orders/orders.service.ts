import { InjectQueue } from '@nestjs/bullmq'
import { Injectable } from '@nestjs/common'
import { Queue } from 'bullmq'
import { DataSource, EntityManager } from 'typeorm'
import { BillingClient } from '@app/billing/billing.client'
import { eventually } from '@app/common/retry'
import { EventBus } from '@app/common/events'
import { Order, OutboxMessage } from './order.entity'

@Injectable()
export class OrdersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly billing: BillingClient,
    private readonly events: EventBus,
    @InjectQueue('mails') private readonly mails: Queue,
  ) {}

  async place(customer: string, total: number) {
    return this.dataSource.transaction(async (manager) => {
      const order = await manager.save(Order, { customer, total }) // finds: post-without-idempotency-key
      await this.mails.add('confirmation', { orderId: order.id }) // finds: enqueue-before-commit
      return order
    })
  }

  async placeThenMail(customer: string, total: number, requestId: string) {
    const order = await this.dataSource.transaction((manager) => this.insert(manager, customer, total, requestId))
    await this.mails.add('confirmation', { orderId: order.id })
    return order
  }

  private async insert(manager: EntityManager, customer: string, total: number, requestId: string) {
    const known = await manager.findOneBy(Order, { requestId })
    return known ?? manager.save(Order, { customer, total, requestId })
  }

  async pay(id: string) {
    const runner = this.dataSource.createQueryRunner()
    await runner.connect()
    await runner.startTransaction()
    try {
      const order = await runner.manager.findOneByOrFail(Order, { id })
      await this.billing.chargeOnce(id, order.total, `order-${id}`) // finds: remote-call-in-transaction
      order.status = 'paid'
      await runner.manager.save(order)
      await runner.commitTransaction()
    } catch (error) {
      await runner.rollbackTransaction()
      throw error
    } finally {
      await runner.release()
    }
  }

  async payOutside(id: string) {
    const order = await this.dataSource.getRepository(Order).findOneByOrFail({ id })
    await this.billing.chargeOnce(id, order.total, `order-${id}`)
    await this.dataSource.getRepository(Order).update({ id }, { status: 'paid' })
  }

  async confirm(id: string) {
    await this.dataSource.getRepository(Order).update({ id }, { status: 'confirmed' })
    await this.events.publish('orders.confirmed', { id }) // finds: dual-write
  }

  async confirmWithOutbox(id: string) {
    await this.dataSource.transaction(async (manager) => {
      await manager.update(Order, { id }, { status: 'confirmed' })
      await manager.insert(OutboxMessage, { topic: 'orders.confirmed', payload: { id } })
    })
  }

  async relay() {
    const messages = await this.dataSource.getRepository(OutboxMessage).find({ take: 100, order: { id: 'ASC' } })
    for (const message of messages) {
      await this.events.publish(message.topic, message.payload)
      await this.dataSource.getRepository(OutboxMessage).delete(message.id)
    }
  }

  async notifyAll(ids: string[]) {
    await Promise.all(ids.map((id) => this.billing.status(id))) // finds: unbounded-fanout
  }

  async settled(id: string) {
    return eventually(() => this.billing.status(id))
  }

  async notifySome(ids: string[]) {
    for (let at = 0; at < ids.length; at += 10) {
      await Promise.all(ids.slice(at, at + 10).map((id) => this.billing.status(id)))
    }
  }

  async cancel(id: string) {
    await this.dataSource.getRepository(Order).update({ id }, { status: 'cancelled' })
    this.billing.refundOnce(id) // finds: floating-effect
  }

  async cancelTracked(id: string) {
    await this.dataSource.getRepository(Order).update({ id }, { status: 'cancelled' })
    void this.billing.audit({ id, cancelled: true })
  }
}
