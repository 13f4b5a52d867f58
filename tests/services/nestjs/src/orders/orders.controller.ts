import { Body, Controller, Headers, Param, Post, Put } from '@nestjs/common'
import { OrdersService } from './orders.service'

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  place(@Body() body: { customer: string; total: number }) {
    return this.orders.place(body.customer, body.total)
  }

  @Post('safe')
  placeSafely(@Body() body: { customer: string; total: number }, @Headers('idempotency-key') key: string) {
    return this.orders.placeThenMail(body.customer, body.total, key)
  }

  @Put(':id/pay')
  async pay(@Param('id') id: string) {
    await this.orders.pay(id)
    await this.orders.payOutside(id)
  }

  @Put(':id/confirm')
  async confirm(@Param('id') id: string) {
    await this.orders.confirm(id)
    await this.orders.confirmWithOutbox(id)
  }

  @Put('notify')
  async notify(@Body() body: { ids: string[] }) {
    await this.orders.notifyAll(body.ids)
    await this.orders.notifySome(body.ids)
  }

  @Put(':id/settled')
  settled(@Param('id') id: string) {
    return this.orders.settled(id)
  }

  @Put(':id/cancel')
  async cancel(@Param('id') id: string) {
    await this.orders.cancel(id)
    await this.orders.cancelTracked(id)
  }
}
