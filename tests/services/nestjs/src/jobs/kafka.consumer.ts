import { Controller, Logger } from '@nestjs/common'
import { Cron } from '@nestjs/schedule'
import { EventPattern, Payload } from '@nestjs/microservices'
import { AccountsService } from '@app/accounts/accounts.service'
import { OrdersService } from '@app/orders/orders.service'
import { RedisService } from '@app/common/redis.service'

@Controller()
export class TransfersConsumer {
  private readonly logger = new Logger(TransfersConsumer.name)

  constructor(
    private readonly accounts: AccountsService,
    private readonly orders: OrdersService,
    private readonly redis: RedisService,
  ) {}

  @EventPattern('transfers')
  async onTransfer(@Payload() message: { id: string; account: string; amount: number }) {
    await this.accounts.creditOnce(message.account, message.amount, message.id)
  }

  @EventPattern('withdrawals')
  async onWithdrawal(@Payload() message: { id: string; account: string; amount: number }) {
    await this.accounts.debit(message.account, message.amount)
    await this.accounts.debitVersioned(message.account, message.amount)
  }

  @EventPattern('accounts')
  async onAccount(@Payload() message: { id: string; name: string; updatedAt: Date }) {
    await this.accounts.merge(message)
  }

  @Cron('*/5 * * * * *')
  async relay() {
    if (!(await this.redis.tryLock('relay'))) return
    try {
      await this.orders.relay()
    } finally {
      await this.redis.unlock('relay')
    }
  }
}
