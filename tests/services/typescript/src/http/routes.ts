import express, { Request, Response } from 'express';
import { Mutex } from 'async-mutex';
import { orders } from '@app/orders/repository';
import * as service from '@app/orders/service';
import { emitLater } from '@app/infra/kafka';
import { gateway, legacyStatus } from '@app/billing/gateway';
import { forever, withTimeout } from '@app/infra/retry';

export const router = express.Router();
const mutex = new Mutex();

router.post('/orders', async (req: Request, res: Response) => {
  const order = await orders.insert({ userId: req.body.userId, total: req.body.total });  // finds: post-without-idempotency-key
  res.status(201).json(order);
});

router.post('/orders/keyed', async (req, res) => {
  const key = req.header('Idempotency-Key');
  if (!key) return res.status(400).end();
  res.status(201).json(await orders.insertOnce(req.body, key));
});

router.put('/orders/:id/place', async (req, res) => {
  res.json(await service.place(req.body.userId, req.body.total));
});

router.put('/orders/:id/ship', async (req, res) => {
  await service.placeAndShip(req.body.userId, req.body.total);
  await service.placeThenShip(req.body.userId, req.body.total);
  await service.ship(req.params.id);
  res.end();
});

router.put('/orders/:id/pay', async (req, res) => {
  await service.pay(req.params.id);
  res.end();
});

router.put('/orders/:id/pay-first', async (req, res) => {
  await service.payFirst(req.params.id, 5);
  res.end();
});

router.put('/orders/:id/cancel', async (req, res) => {
  await service.cancel(req.params.id);
  await service.cancelVersioned(req.params.id, req.body.version);
  res.end();
});

router.get('/orders/:id', async (req, res) => {
  res.json(await service.getCached(req.params.id));
});

router.get('/orders/:id/coalesced', async (req, res) => {
  res.json(await service.getCoalesced(req.params.id));
});

router.put('/orders/:id/items', async (req, res) => {
  await service.addItem(req.params.id, req.body.price);
  res.end();
});

router.put('/orders/:id/items-atomic', async (req, res) => {
  await service.addItemAtomic(req.params.id, req.body.price);
  res.end();
});

router.put('/orders/:id', async (req, res) => {
  await service.rename(req.params.id, req.body.state);
  res.end();
});

router.put('/orders/:id/price', async (req, res) => {
  await service.reprice(req.params.id, req.body.total);
  res.end();
});

router.put('/orders/:id/settle', async (req, res) => {
  await service.settle(req.params.id);
  res.end();
});

router.put('/orders/:id/merge', async (req, res) => {
  await service.merge(req.body);
  res.end();
});

router.post('/statuses', async (req, res) => {
  await service.statusesLimited(req.body.ids);
  res.json(await service.statuses(req.body.ids));
});

router.get('/orders/:id/details', async (req, res) => {
  emitLater('viewed', { id: req.params.id });
  res.json(await service.details(req.params.id));
});

let token: string | undefined;

router.get('/token', async (_req, res) => {
  await mutex.runExclusive(async () => {
    if (!token) token = await gateway.status('token');
  });
  res.json({ token });
});

router.get('/serial', async (_req, res) => {
  const release = await mutex.acquire();
  try {
    await legacyStatus('x');  // finds: lock-held-across-await
  } finally {
    release();
  }
  res.end();
});

router.get('/impatient', async (_req, res) => {
  res.json(await withTimeout(gateway.status('x'), 2000)); // finds: timeout-inversion
});

router.get('/soft', async (_req, res) => {
  try {
    await gateway.payout('s', 1);
  } catch {} // finds: swallowed-remote-error
  await forever(() => gateway.status('x'));
  res.end();
});
