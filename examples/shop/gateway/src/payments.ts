import axios, { AxiosInstance } from "axios"

export class Payments {
  private readonly http: AxiosInstance

  constructor(base: string) {
    this.http = axios.create({ baseURL: base, timeout: 2000 })
  }

  charge(amount: number) {
    return this.http.post("/charges", { amount })
  }
}
