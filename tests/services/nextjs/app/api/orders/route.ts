import { NextRequest, NextResponse } from 'next/server'
import { z } from 'zod'
import { placeOrder, placeAndQueue } from '@/lib/orders'
import { enqueue } from '@/lib/queue'

const Body = z.object({ userId: z.string(), total: z.number().int(), express: z.boolean().default(false) })

export async function POST(req: NextRequest) {
  const body = Body.parse(await req.json())
  const order = body.express ? await placeAndQueue(body.userId, body.total) : await placeOrder(body.userId, body.total)
  enqueue('analytics.order', { id: order?.id }) // finds: floating-effect
  return NextResponse.json(order, { status: 201 })
}
