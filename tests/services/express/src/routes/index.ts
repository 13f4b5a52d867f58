import express, { Router } from 'express'
import * as orders from '../services/orders.js'
import * as http from '../lib/http.js'
import { debit, debitAtomic } from '../services/wallets.js'

const router = Router()

router.get('/orders', async (_req, res) => res.json(await orders.list()))
router.get('/orders/:id', async (req, res) => res.json(await orders.find(req.params.id)))
router.post('/orders', async (req, res) => res.status(201).json(await orders.create(req.body.customer, req.body.total)))
router.post('/orders/once', async (req, res) => {
  const key = req.get('Idempotency-Key')
  if (!key) return res.sendStatus(400)
  res.status(201).json(await orders.createOnce(req.body.customer, req.body.total, key))
})
router.put('/orders/place', async (req, res) => {
  await orders.place(req.body.customer, req.body.total)
  await orders.placeThenEnqueue(req.body.customer, req.body.total)
  res.sendStatus(202)
})
router.put('/orders/:id/status', async (req, res) => {
  await orders.setStatus(req.params.id, req.body.status)
  res.sendStatus(204)
})
router.put('/orders/:id/cancel', async (req, res) => {
  await orders.cancel(req.params.id)
  res.sendStatus(204)
})
router.put('/orders/:id/note', async (req, res) => {
  await orders.setNote(req.params.id, req.body.note)
  res.sendStatus(204)
})
router.put('/orders/:id/note-shown', async (req, res) => res.json(await orders.updateAndShow(req.params.id, req.body.note)))
router.put('/orders/:id/pay', async (req, res) => {
  await orders.pay(req.params.id)
  res.sendStatus(204)
})
router.put('/orders/:id/pay-after', async (req, res) => {
  await orders.payAfter(req.params.id)
  res.sendStatus(204)
})
router.put('/orders/:id/pay-loose', async (req, res) => {
  await orders.payLoose(req.params.id)
  await http.authorize(req.params.id)
  await http.authorizeOnce(req.params.id)
  res.json([await http.rates(), await http.ratesBounded(), await http.track(req.params.id)])
})
router.put('/orders/:id/confirm', async (req, res) => {
  await orders.confirm(req.params.id)
  res.sendStatus(204)
})
router.put('/orders/:id/points', async (req, res) => {
  await orders.addPoints(req.params.id, req.body.points)
  res.sendStatus(204)
})
router.put('/orders/:id/points-safe', async (req, res) => {
  await orders.addPointsAtomic(req.params.id, req.body.points)
  await orders.addPointsGuarded(req.params.id, req.body.points)
  res.sendStatus(204)
})
router.put('/orders/:id/reserve', async (req, res) => {
  await orders.reserve(req.params.id, req.body.points)
  res.sendStatus(204)
})
router.put('/orders/:id/spend', async (req, res) => {
  await orders.spend(req.params.id, req.body.points)
  res.sendStatus(204)
})
router.put('/orders/refresh', async (req, res) => {
  await orders.refresh(req.body.ids)
  await orders.refreshSome(req.body.ids)
  res.sendStatus(204)
})
router.put('/orders/:id/remind', async (req, res) => {
  await orders.remind(req.params.id)
  await orders.remindTold(req.params.id)
  res.sendStatus(204)
})
router.put('/wallets/:owner/debit', async (req, res) => {
  await debit(req.params.owner, req.body.cents)
  await debitAtomic(req.params.owner, req.body.cents)
  res.sendStatus(204)
})

export const app = express().use(express.json()).use(router)
