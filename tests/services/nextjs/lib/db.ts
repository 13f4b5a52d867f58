import { PrismaClient } from '@prisma/client'

const globalForPrisma = globalThis as unknown as { prisma?: PrismaClient; replica?: PrismaClient }

export const prisma = globalForPrisma.prisma ?? new PrismaClient()
export const replica = globalForPrisma.replica ?? new PrismaClient({ datasourceUrl: process.env.DATABASE_REPLICA_URL })

if (process.env.NODE_ENV !== 'production') globalForPrisma.prisma = prisma
