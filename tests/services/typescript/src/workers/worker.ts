import { Worker, Job } from 'bullmq';
import Stripe from 'stripe';
import { config } from '@app/config';
import { primary } from '@app/infra/db';
import { consumer } from '@app/infra/kafka';
import { sendReceipt } from './mailer';
import { orders } from '@app/orders/repository';

const stripe = new Stripe(process.env.STRIPE_KEY!, { timeout: 8000 });

new Worker('shipping', async (job: Job) => {
  const order = await orders.find(job.data.orderId);
  await sendReceipt(order.userId, order.id);
}, { connection: { url: config.redisUrl } });

new Worker('charges', async (job: Job) => {
  await stripe.paymentIntents.create({ amount: job.data.amount, currency: 'eur' }, { idempotencyKey: `charge-${job.data.orderId}` });
}, { connection: { url: config.redisUrl } });

async function applyCredit(event: { id: string; userId: string; amount: number }) {
  await primary.query('UPDATE wallets SET balance = balance + $2 WHERE user_id = $1', [event.userId, event.amount]);  // finds: redelivery-without-dedup
}

async function applyDebitOnce(event: { id: string; userId: string; amount: number }) {
  const { rowCount } = await primary.query('INSERT INTO processed (event_id) VALUES ($1) ON CONFLICT DO NOTHING', [event.id]);
  if (rowCount === 0) return;
  await primary.query('UPDATE wallets SET balance = balance - $2 WHERE user_id = $1', [event.userId, event.amount]);
}

export async function run() {
  await consumer.subscribe({ topics: ['credits', 'debits'] });
  await consumer.run({
    eachMessage: async ({ topic, message }) => {
      const event = JSON.parse(message.value!.toString());
      if (topic === 'credits') await applyCredit(event);
      else await applyDebitOnce(event);
    },
  });
}

export async function runSwallowing() {
  await consumer.run({
    eachMessage: async ({ message }) => {
      try {
        await orders.setState(message.key!.toString(), 'seen');
      } catch (err) {  // finds: swallowed-consumer-error
        console.error('failed', err);
      }
    },
  });
}
