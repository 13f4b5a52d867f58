import Stripe from 'stripe'
import { NextResponse } from 'next/server'
import { recordPayment } from '@/lib/orders'
import { prisma } from '@/lib/db'

const stripe = new Stripe(process.env.STRIPE_KEY!)

export async function POST(req: Request) {
  const { amount, userId } = await req.json()
  const intent = await stripe.paymentIntents.create({ amount, currency: 'eur' }) // finds: post-without-idempotency-key
  await prisma.order.create({ data: { userId, total: amount, status: intent.status } }) // finds: post-without-idempotency-key
  return NextResponse.json({ secret: intent.client_secret })
}

export async function PUT(req: Request) {
  const { requestId, amount } = await req.json()
  await recordPayment(requestId, amount)
  await stripe.paymentIntents.create({ amount, currency: 'eur' }, { idempotencyKey: requestId })
  return NextResponse.json({})
}
