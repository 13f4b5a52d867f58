import Router from '@koa/router'
import axios from 'axios'
import { OrderService } from './service'
import { PaymentsApi } from '../billing/payments'

export function orderRoutes(orders: OrderService, payments: PaymentsApi) {
  const router = new Router({ prefix: '/orders' })

  router.get('/:id', async (ctx) => {
    ctx.body = await orders.find(Number(ctx.params.id))
  })

  router.post('/', async (ctx) => {
    const { reference, total } = ctx.request.body as { reference: string; total: number }
    ctx.body = await orders.place(reference, total)
    ctx.status = 201
  })

  router.post('/:id/pay', async (ctx) => {
    await orders.pay(Number(ctx.params.id))
    ctx.status = 204
  })

  router.post('/statuses', async (ctx) => {
    const { ids } = ctx.request.body as { ids: string[] }
    ctx.body = await Promise.all(ids.map((id) => payments.status(id))) // finds: unbounded-fanout
  })

  router.post('/statuses/paged', async (ctx) => {
    const { ids } = ctx.request.body as { ids: string[] }
    ctx.body = await Promise.all(ids.slice(0, 20).map((id) => payments.status(id)))
  })

  router.post('/:id/ping', async (ctx) => {
    try {
      await axios.post('https://hooks.example/ping', { id: ctx.params.id }, { timeout: 1000 })
    } catch (error) {} // finds: swallowed-remote-error
    ctx.status = 204
  })

  router.post('/:id/export', async (ctx) => {
    await axios.post('https://export.example/jobs', { id: ctx.params.id }) // finds: missing-timeout
    ctx.status = 202
  })

  return router
}
