import { v4 as uuid } from 'uuid'
import { ApiClient, RetryingClient } from '../core/http'

export interface Charge {
  id: string
}

export class PaymentsApi extends RetryingClient {
  charge(orderId: number, amount: number) {
    return this.http.post<Charge>('/charges', { orderId, amount }) // finds: retry-without-idempotency-key
  }

  chargeOnce(orderId: number, amount: number) {
    return this.http.post<Charge>('/charges', { orderId, amount }, { headers: { 'Idempotency-Key': `order-${orderId}` } })
  }

  status(id: string) {
    return this.http.get(`/charges/${id}`)
  }
}

export class RefundsApi extends ApiClient {
  async refund(chargeId: string) {
    for (let attempt = 1; attempt <= 3; attempt++) {
      try {
        return await this.post('/refunds', { chargeId }, { 'Idempotency-Key': uuid() }) // finds: idempotency-key-per-attempt
      } catch (error) {
        if (attempt === 3) throw error
      }
    }
  }

  async refundOnce(chargeId: string) {
    const key = uuid()
    for (let attempt = 1; attempt <= 3; attempt++) {
      try {
        return await this.post('/refunds', { chargeId }, { 'Idempotency-Key': key })
      } catch (error) {
        if (attempt === 3) throw error
      }
    }
  }
}
