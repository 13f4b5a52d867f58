import type { Knex } from 'knex'
import pMap from 'p-map'
import { db, replica } from '../lib/db.js'
import { emit, enqueue } from '../lib/bus.js'
import { capture, captureOnce, status } from '../lib/http.js'
import { redis, withLock } from '../lib/redis.js'

const key = (id: string) => `order:${id}`

export async function find(id: string) {
  const cached = await redis.get(key(id))
  if (cached) return JSON.parse(cached)
  const order = await db('orders').where({ id }).first() // finds: cache-stampede
  await redis.set(key(id), JSON.stringify({ id: order.id, status: order.status }), { EX: 120 })
  return order
}

export async function setStatus(id: string, status: string) {
  await db('orders').where({ id }).update({ status })
  await redis.del(key(id))
}

export async function cancel(id: string) {
  await db('orders').where({ id }).update({ status: 'cancelled' }) // finds: cache-not-invalidated
}

export async function setNote(id: string, note: string) {
  await db('orders').where({ id }).update({ note })
}

export async function create(customer: string, total: number) {
  const [order] = await db('orders').insert({ customer, total }).returning('*') // finds: post-without-idempotency-key
  return order
}

export async function createOnce(customer: string, total: number, request: string) {
  const [order] = await db('orders').insert({ customer, total, request }).onConflict('request').merge().returning('*')
  return order
}

export async function place(customer: string, total: number) {
  return db.transaction(async (trx) => {
    const [order] = await trx('orders').insert({ customer, total }).returning('*')
    await enqueue({ order: order.id }) // finds: enqueue-before-commit
    return order
  })
}

export async function placeThenEnqueue(customer: string, total: number) {
  const order = await db.transaction((trx) => insert(trx, customer, total))
  await enqueue({ order: order.id })
}

async function insert(trx: Knex.Transaction, customer: string, total: number) {
  const [order] = await trx('orders').insert({ customer, total }).returning('*')
  await trx('outbox').insert({ topic: 'orders', payload: { id: order.id } })
  return order
}

export async function pay(id: string) {
  const trx = await db.transaction()
  try {
    const order = await trx('orders').where({ id }).forUpdate().first()
    await captureOnce(id, order.total, `order-${id}`) // finds: remote-call-in-transaction
    await trx('orders').where({ id }).update({ status: 'paid' }) // finds: cache-not-invalidated
    await trx.commit()
  } catch (error) {
    await trx.rollback()
    throw error
  }
}

export async function payAfter(id: string) {
  const order = await db('orders').where({ id }).first()
  await captureOnce(id, order.total, `order-${id}`)
  await db('orders').where({ id }).update({ paid: true })
}

export async function payLoose(id: string) {
  await capture(id, 100)
}

export async function confirm(id: string) {
  await db('orders').where({ id }).update({ confirmed: true })
  emit('orders.confirmed', { id })
}

export async function addPoints(id: string, points: number) {
  const order = await db('orders').where({ id }).first()
  await db('orders').where({ id }).update({ points: order.points + points }) // finds: lost-update
}

export async function addPointsAtomic(id: string, points: number) {
  await db('orders').where({ id }).increment('points', points)
  await db('orders').where({ id }).update({ points: db.raw('points + ?', [points]) })
}

export async function addPointsGuarded(id: string, points: number) {
  const order = await db('orders').where({ id }).first()
  const changed = await db('orders').where({ id, version: order.version }).update({ points: order.points + points, version: order.version + 1 })
  if (!changed) throw new Error('changed meanwhile')
}

export async function reserve(id: string, points: number) {
  await withLock(`order-${id}`, 5000, async () => {
    const order = await db('orders').where({ id }).first()
    await db('orders').where({ id }).update({ points: order.points - points }) // finds: lock-without-fenced-write
  })
}

export async function updateAndShow(id: string, note: string) {
  await db('orders').where({ id }).update({ note })
  return replica('orders').where({ id }).first() // finds: write-then-replica-read
}

export async function spend(id: string, points: number) {
  const order = await replica('orders').where({ id }).first() // finds: replica-read-modify-write
  if (order.points < points) throw new Error('too few')
  await db('orders').where({ id }).update({ points: order.points - points })
}

export async function list() {
  return replica('orders').orderBy('id').limit(100)
}

export async function refresh(ids: string[]) {
  await Promise.all(ids.map((id) => status(id))) // finds: unbounded-fanout
}

export async function refreshSome(ids: string[]) {
  await pMap(ids, (id) => status(id), { concurrency: 5 })
}

export async function remind(id: string) {
  enqueue({ reminder: id }) // finds: floating-effect
}

export async function remindTold(id: string) {
  enqueue({ reminder: id }).catch((error) => console.error('reminder', id, error))
}
