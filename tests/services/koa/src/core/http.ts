import axios, { AxiosInstance } from 'axios'
import axiosRetry from 'axios-retry'

export abstract class ApiClient {
  protected readonly http: AxiosInstance

  constructor(baseURL: string, timeout = 3000) {
    this.http = axios.create({ baseURL, timeout })
  }

  protected async post<T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
    const { data } = await this.http.post<T>(path, body, { headers })
    return data
  }
}

export class RetryingClient extends ApiClient {
  constructor(baseURL: string) {
    super(baseURL)
    axiosRetry(this.http, { retries: 3, retryDelay: axiosRetry.exponentialDelay, retryCondition: () => true })
  }
}
