import { Seen, Wallet } from '../models/wallet.js'

export async function credit(owner: string, cents: number) {
  await Wallet.updateOne({ owner }, { $inc: { cents } }) // finds: redelivery-without-dedup
}

export async function creditOnce(owner: string, cents: number, message: string) {
  try {
    await Seen.create({ _id: message })
  } catch (error: any) {
    if (error.code === 11000) return
    throw error
  }
  await Wallet.updateOne({ owner }, { $inc: { cents } })
}

export async function debit(owner: string, cents: number) {
  const wallet = await Wallet.findOne({ owner }).orFail()
  wallet.cents = wallet.cents! - cents
  await wallet.save() // finds: lost-update
}

export async function debitAtomic(owner: string, cents: number) {
  const changed = await Wallet.updateOne({ owner, cents: { $gte: cents } }, { $inc: { cents: -cents } })
  if (changed.modifiedCount === 0) throw new Error('too little')
}

export async function merge(incoming: { owner: string; cents: number; updatedAt: Date }) {
  const wallet = await Wallet.findOne({ owner: incoming.owner }).orFail()
  if (incoming.updatedAt > wallet.updatedAt!) {
    await Wallet.updateOne({ owner: incoming.owner }, { cents: incoming.cents, updatedAt: incoming.updatedAt }) // finds: last-write-wins
  }
}
