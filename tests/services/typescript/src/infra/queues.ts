import { Queue } from 'bullmq';
import { config } from '@app/config';

const connection = { url: config.redisUrl };
export const mailQueue = new Queue('mail', { connection });
export const shippingQueue = new Queue('shipping', { connection });

export function enqueueShipping(orderId: string) {
  return shippingQueue.add('ship', { orderId }, { attempts: 5, backoff: { type: 'exponential', delay: 500 } });
}
