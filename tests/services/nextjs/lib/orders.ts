import { prisma, replica } from './db'
import { kv, lock, memo } from './kv'
import { enqueue } from './queue'
import { createParcelOnce, quote } from './shipping'

export function findOrder(id: string) {
  return memo(`order:${id}`, 60, () => prisma.order.findUnique({ where: { id } }))
}

export async function setStatus(id: string, status: string) {
  await prisma.order.update({ where: { id }, data: { status } })
  await kv.del(`order:${id}`)
}

export async function cancelOrder(id: string) {
  await prisma.order.update({ where: { id }, data: { status: 'cancelled' } }) // finds: cache-not-invalidated
}

export async function placeOrder(userId: string, total: number) {
  const order = await prisma.order.create({ data: { userId, total, status: 'new' } }) // finds: post-without-idempotency-key
  return replica.order.findUnique({ where: { id: order.id } }) // finds: write-then-replica-read
}

export async function placeAndQueue(userId: string, total: number) {
  return prisma.$transaction(async (tx) => {
    const order = await tx.order.create({ data: { userId, total, status: 'new' } }) // finds: post-without-idempotency-key
    await enqueue('order.placed', { id: order.id }) // finds: enqueue-before-commit
    return order
  })
}

export async function shipOrder(id: string, address: unknown) {
  await prisma.$transaction(async (tx) => {
    await tx.order.update({ where: { id }, data: { status: 'shipping' } }) // finds: cache-not-invalidated
    await createParcelOnce(id, address)
  })
}

export async function redeem(code: string) {
  const coupon = await prisma.coupon.findUniqueOrThrow({ where: { code } })
  if (coupon.uses <= 0) throw new Error('used up')
  await prisma.coupon.update({ where: { code }, data: { uses: coupon.uses - 1 } }) // finds: lost-update
}

export async function redeemAtomically(code: string) {
  const { count } = await prisma.coupon.updateMany({ where: { code, uses: { gt: 0 } }, data: { uses: { decrement: 1 } } })
  if (count === 0) throw new Error('used up')
}

export async function priceOrder(id: string, zip: string) {
  const held = await lock(`price:${id}`, 5)
  if (!held) return
  try {
    const { price } = await quote(zip)
    await prisma.order.update({ where: { id }, data: { total: price } }) // finds: lock-without-fenced-write, cache-not-invalidated
  } finally {
    await held.release()
  }
}

export async function recordPayment(requestId: string, amount: number) {
  return prisma.payment.create({ data: { requestId, amount } })
}
