import { NextResponse } from 'next/server'
import { quote } from '@/lib/shipping'

export async function POST(req: Request) {
  const { zips } = await req.json()
  const prices = await Promise.all(zips.map((zip: string) => quote(zip))) // finds: unbounded-fanout
  return NextResponse.json(prices)
}

export async function PUT(req: Request) {
  const { zips } = await req.json()
  if (zips.length > 10) return NextResponse.json({ error: 'too many' }, { status: 400 })
  return NextResponse.json(await Promise.all(zips.map((zip: string) => quote(zip))))
}
