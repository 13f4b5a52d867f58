import axios, { AxiosInstance } from 'axios';
import { randomUUID } from 'crypto';
import { config } from '@app/config';
import { retry, Retryable } from '@app/infra/retry';

export class PaymentGateway {
  private readonly http: AxiosInstance;

  constructor(baseURL: string) {
    this.http = axios.create({ baseURL, timeout: config.httpTimeoutMs });
  }

  private post<T>(path: string, body: unknown, idempotencyKey?: string): Promise<T> {
    const headers = idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {};
    return this.http.post(path, body, { headers }).then((r) => r.data);
  }

  async capture(orderId: string, amount: number) {
    return retry(() => this.post('/captures', { orderId, amount }));  // finds: retry-without-idempotency-key
  }

  async captureKeyed(orderId: string, amount: number) {
    const key = `capture-${orderId}`;
    return retry(() => this.post('/captures', { orderId, amount }, key));
  }

  async refund(orderId: string, amount: number) {
    return retry(() => this.post('/refunds', { orderId, amount }, randomUUID()));  // finds: idempotency-key-per-attempt
  }

  async refundOnce(orderId: string, amount: number) {
    const key = randomUUID();
    return retry(() => this.post('/refunds', { orderId, amount }, key));
  }

  @Retryable(3)
  async payout(sellerId: string, amount: number) {
    return this.http.post(`/sellers/${sellerId}/payouts`, { amount });  // finds: retry-without-idempotency-key
  }

  @Retryable(3)
  async status(orderId: string) {
    const { data } = await this.http.get(`/orders/${orderId}`);
    return data;
  }
}

export const legacy = axios.create({ baseURL: 'http://legacy.internal' });  // finds: missing-timeout

export async function legacyStatus(id: string) {
  const { data } = await legacy.get(`/status/${id}`);
  return data;
}

export const gateway = new PaymentGateway(config.paymentsUrl);
