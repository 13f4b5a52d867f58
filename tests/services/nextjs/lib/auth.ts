import { NextResponse } from 'next/server'

type Handler = (req: Request, ctx: { params: { id: string } }) => Promise<Response>

export function withUser(handler: Handler): Handler {
  return async (req, ctx) => {
    if (!req.headers.get('authorization')) return NextResponse.json({}, { status: 401 })
    return handler(req, ctx)
  }
}
