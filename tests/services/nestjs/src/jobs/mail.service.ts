import { Injectable } from '@nestjs/common'
import * as nodemailer from 'nodemailer'

@Injectable()
export class MailService {
  private readonly transport = nodemailer.createTransport({ host: process.env.SMTP_HOST, connectionTimeout: 5000, socketTimeout: 5000 })

  async send(to: string, subject: string) {
    await this.transport.sendMail({ from: 'shop@example.com', to, subject }) // finds: redelivery-without-dedup
  }
}
