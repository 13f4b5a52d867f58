import express from "express"
import pRetry from "p-retry"
import { Payments } from "./payments"

const payments = new Payments("https://pay.example")
const app = express()

app.post("/checkout", async (request, response) => {
  await pRetry(() => payments.charge(request.body.amount), { retries: 3 })
  response.status(204).end()
})
