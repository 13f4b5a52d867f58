import { Injectable } from '@nestjs/common'
import { PrismaClient } from '@prisma/client'

@Injectable()
export class PrismaService extends PrismaClient {}

@Injectable()
export class AccountsService {
  constructor(private readonly prisma: PrismaService) {}

  async credit(id: string, amount: number) {
    await this.prisma.account.update({ where: { id }, data: { balance: { increment: amount } } }) // finds: redelivery-without-dedup
  }

  async creditOnce(id: string, amount: number, messageId: string) {
    await this.prisma.$transaction(async (tx) => {
      await tx.processedMessage.create({ data: { id: messageId } })
      await tx.account.update({ where: { id }, data: { balance: { increment: amount } } })
    })
  }

  async debit(id: string, amount: number) {
    const account = await this.prisma.account.findUniqueOrThrow({ where: { id } })
    if (account.balance < amount) throw new Error('too little')
    await this.prisma.account.update({ where: { id }, data: { balance: account.balance - amount } }) // finds: lost-update
  }

  async debitVersioned(id: string, amount: number) {
    const account = await this.prisma.account.findUniqueOrThrow({ where: { id } })
    const changed = await this.prisma.account.updateMany({
      where: { id, version: account.version },
      data: { balance: account.balance - amount, version: account.version + 1 },
    })
    if (changed.count === 0) throw new Error('changed meanwhile')
  }

  async merge(incoming: { id: string; name: string; updatedAt: Date }) {
    const account = await this.prisma.account.findUniqueOrThrow({ where: { id: incoming.id } })
    if (incoming.updatedAt > account.updatedAt) {
      await this.prisma.account.update({ where: { id: incoming.id }, data: { name: incoming.name, updatedAt: incoming.updatedAt } }) // finds: last-write-wins
    }
  }
}
