import mongoose from 'mongoose'

const schema = new mongoose.Schema({ owner: String, cents: Number, updatedAt: Date })

export const Wallet = mongoose.model('Wallet', schema)

const seen = new mongoose.Schema({ _id: String })

export const Seen = mongoose.model('Seen', seen)
