import { Body, Controller, Get, Param, Patch, Post, Put } from '@nestjs/common'
import { CatalogService } from './catalog.service'

@Controller('products')
export class CatalogController {
  constructor(private readonly catalog: CatalogService) {}

  @Get(':id')
  find(@Param('id') id: string) {
    return this.catalog.find(id)
  }

  @Get(':id/shared')
  shared(@Param('id') id: string) {
    return this.catalog.findShared(id)
  }

  @Get()
  list() {
    return this.catalog.list()
  }

  @Patch(':id')
  rename(@Param('id') id: string, @Body() body: { name: string }) {
    return this.catalog.rename(id, body.name)
  }

  @Put(':id/price')
  async reprice(@Param('id') id: string, @Body() body: { price: number }) {
    await this.catalog.reprice(id, body.price)
  }

  @Put(':id/price-now')
  async repriceNow(@Param('id') id: string, @Body() body: { price: number }) {
    return this.catalog.priceAfterChange(id, body.price)
  }

  @Put(':id/view')
  async view(@Param('id') id: string) {
    await this.catalog.countView(id)
  }

  @Put(':id/restock')
  async restock(@Param('id') id: string, @Body() body: { amount: number }) {
    await this.catalog.restock(id, body.amount)
  }

  @Put(':id/restockAtomic')
  async restockAtomic(@Param('id') id: string, @Body() body: { amount: number }) {
    await this.catalog.restockAtomic(id, body.amount)
  }

  @Put(':id/restockLocked')
  async restockLocked(@Param('id') id: string, @Body() body: { amount: number }) {
    await this.catalog.restockLocked(id, body.amount)
  }

  @Put(':id/reserve')
  async reserve(@Param('id') id: string, @Body() body: { amount: number }) {
    await this.catalog.reserve(id, body.amount)
  }

  @Put(':id/recount')
  async recount(@Param('id') id: string, @Body() body: { amount: number }) {
    await this.catalog.recount(id, body.amount)
  }

  @Put(':id/sell')
  async sell(@Param('id') id: string, @Body() body: { amount: number }) {
    await this.catalog.sell(id, body.amount)
  }
}
