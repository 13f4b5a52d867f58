import { NextResponse } from 'next/server'
import { cancelOrder, findOrder, shipOrder } from '@/lib/orders'
import { withUser } from '@/lib/auth'

export async function GET(_req: Request, { params }: { params: { id: string } }) {
  return NextResponse.json(await findOrder(params.id))
}

export const DELETE = withUser(async (_req: Request, { params }: { params: { id: string } }) => {
  await cancelOrder(params.id)
  return new NextResponse(null, { status: 204 })
})

export async function PUT(req: Request, { params }: { params: { id: string } }) {
  await shipOrder(params.id, await req.json())
  return new NextResponse(null, { status: 202 })
}
