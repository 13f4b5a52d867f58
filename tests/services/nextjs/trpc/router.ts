import { initTRPC } from '@trpc/server'
import { z } from 'zod'
import { prisma } from '@/lib/db'
import { redeem } from '@/lib/orders'
import { createParcel, createLabel } from '@/lib/shipping'

const t = initTRPC.create()

export const appRouter = t.router({
  redeem: t.procedure.input(z.object({ code: z.string() })).mutation(({ input }) => redeem(input.code)),
  book: t.procedure.input(z.object({ seat: z.string() })).mutation(async ({ input }) => {
    return prisma.booking.create({ data: { seat: input.seat } }) // finds: post-without-idempotency-key
  }),
  ship: t.procedure.input(z.object({ id: z.string() })).mutation(async ({ input }) => {
    const parcel = await createParcel(input.id, {})
    try {
      await createLabel(input.id)
    } catch {} // finds: swallowed-remote-error
    return parcel
  }),
})
