import { HttpService } from '@nestjs/axios'
import { Injectable, Logger } from '@nestjs/common'
import axios, { AxiosInstance } from 'axios'
import { randomUUID } from 'crypto'
import pRetry, { AbortError } from 'p-retry'
import { firstValueFrom } from 'rxjs'
import { Retryable } from '@app/common/retry'

@Injectable()
export class BillingClient {
  private readonly logger = new Logger(BillingClient.name)
  private readonly http: AxiosInstance = axios.create({ baseURL: process.env.BILLING_URL, timeout: 4_000 })

  constructor(private readonly nestHttp: HttpService) {}

  @Retryable({ attempts: 4 })
  async charge(orderId: string, amount: number) {
    const { data } = await this.http.post('/charges', { orderId, amount }) // finds: retry-without-idempotency-key
    return data
  }

  @Retryable({ attempts: 4 })
  async chargeOnce(orderId: string, amount: number, key: string) {
    const { data } = await this.http.post('/charges', { orderId, amount }, { headers: { 'Idempotency-Key': key } })
    return data
  }

  @Retryable()
  async refund(chargeId: string) {
    const headers = { 'Idempotency-Key': randomUUID() }
    return this.http.post(`/charges/${chargeId}/refund`, {}, { headers }) // finds: idempotency-key-per-attempt
  }

  async refundOnce(chargeId: string) {
    const key = randomUUID()
    return pRetry(() => this.http.post(`/charges/${chargeId}/refund`, {}, { headers: { 'Idempotency-Key': key } }), { retries: 3 })
  }

  async invoice(orderId: string) {
    return pRetry(
      async () => {
        const response = await this.http.post('/invoices', { orderId }) // finds: retry-without-idempotency-key
        if (response.status === 404) throw new AbortError('no such order')
        return response.data
      },
      { retries: 5 },
    )
  }

  @Retryable()
  async status(chargeId: string) {
    const { data } = await this.http.get(`/charges/${chargeId}`)
    return data
  }

  @Retryable()
  async setLimit(customer: string, limit: number) {
    await this.http.put(`/customers/${customer}/limit`, { limit })
  }

  async rates() {
    const { data } = await axios.get('https://rates.example.com/latest') // finds: missing-timeout
    return data
  }

  async rate(currency: string) {
    const { data } = await firstValueFrom(this.nestHttp.get(`https://rates.example.com/${currency}`, { timeout: 3000 }))
    return data
  }

  async audit(event: object) {
    try {
      await this.http.post('/audit', event)
    } catch (error) {
      this.logger.warn('audit failed', error)
    }
  }
}
