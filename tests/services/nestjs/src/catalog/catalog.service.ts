import { Injectable } from '@nestjs/common'
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm'
import { DataSource, Repository } from 'typeorm'
import { RedisService } from '@app/common/redis.service'
import { Product, Stocktake } from './product.entity'

@Injectable()
export class CatalogService {
  private readonly loading = new Map<string, Promise<Product>>()

  constructor(
    @InjectRepository(Product) private readonly products: Repository<Product>,
    @InjectRepository(Stocktake) private readonly stocktakes: Repository<Stocktake>,
    @InjectDataSource('replica') private readonly replica: DataSource,
    private readonly redis: RedisService,
  ) {}

  private key(id: string) {
    return `product:${id}`
  }

  async find(id: string) {
    const cached = await this.redis.getJson<Product>(this.key(id))
    if (cached) return cached
    const product = await this.products.findOneByOrFail({ id }) // finds: cache-stampede
    await this.redis.setJson(this.key(id), { id: product.id, name: product.name, price: product.price }, 300)
    return product
  }

  async findShared(id: string) {
    const cached = await this.redis.getJson<Product>(`shared:${id}`)
    if (cached) return cached
    let pending = this.loading.get(id)
    if (!pending) {
      pending = this.products.findOneByOrFail({ id })
      this.loading.set(id, pending)
      pending.finally(() => this.loading.delete(id)).catch(() => undefined)
    }
    const product = await pending
    await this.redis.setJson(`shared:${id}`, { id: product.id, name: product.name }, 300)
    return product
  }

  async rename(id: string, name: string) {
    await this.products.update(id, { name })
    await this.redis.drop(this.key(id))
    await this.redis.drop(`shared:${id}`)
  }

  async reprice(id: string, price: number) {
    await this.products.update({ id }, { price }) // finds: cache-not-invalidated
  }

  async countView(id: string) {
    await this.products.increment({ id }, 'views', 1)
  }

  async restock(id: string, amount: number) {
    const product = await this.products.findOneByOrFail({ id })
    product.stock += amount
    await this.products.save(product) // finds: lost-update
    await this.redis.drop(this.key(id))
    await this.redis.drop(`shared:${id}`)
  }

  async restockAtomic(id: string, amount: number) {
    await this.products.increment({ id }, 'stock', amount)
  }

  async restockLocked(id: string, amount: number) {
    await this.products.manager.transaction(async (manager) => {
      const product = await manager.findOneOrFail(Product, { where: { id }, lock: { mode: 'pessimistic_write' } })
      product.stock += amount
      await manager.save(product)
    })
  }

  async reserve(id: string, amount: number) {
    await this.redis.withLock(`stock-${id}`, 5_000, async () => {
      const product = await this.products.findOneByOrFail({ id })
      await this.products.update(id, { stock: product.stock - amount }) // finds: lock-without-fenced-write
    })
  }

  async recount(id: string, counted: number) {
    const take = await this.stocktakes.findOneByOrFail({ id })
    take.counted = take.counted + counted
    await this.stocktakes.save(take)
  }

  async priceAfterChange(id: string, price: number) {
    await this.products.update(id, { price })
    await this.redis.drop(this.key(id))
    await this.redis.drop(`shared:${id}`)
    return this.replica.getRepository(Product).findOneBy({ id }) // finds: write-then-replica-read
  }

  async list() {
    return this.replica.getRepository(Product).find({ take: 50 })
  }

  async sell(id: string, amount: number) {
    const product = await this.replica.getRepository(Product).findOneByOrFail({ id }) // finds: replica-read-modify-write
    if (product.stock < amount) throw new Error('sold out')
    await this.products.update(id, { stock: product.stock - amount })
  }
}
