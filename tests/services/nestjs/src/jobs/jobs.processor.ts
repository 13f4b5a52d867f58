import { Processor, WorkerHost } from '@nestjs/bullmq'
import { Logger } from '@nestjs/common'
import { Job } from 'bullmq'
import { AccountsService } from '@app/accounts/accounts.service'
import { BillingClient } from '@app/billing/billing.client'
import { MailService } from './mail.service'

@Processor('mails')
export class MailProcessor extends WorkerHost {
  constructor(private readonly mail: MailService) {
    super()
  }

  async process(job: Job) {
    await this.mail.send(job.data.to, 'Your order')
  }
}

@Processor('credits')
export class CreditProcessor extends WorkerHost {
  private readonly logger = new Logger(CreditProcessor.name)

  constructor(private readonly accounts: AccountsService, private readonly billing: BillingClient) {
    super()
  }

  async process(job: Job) {
    switch (job.name) {
      case 'credit':
        return this.accounts.credit(job.data.account, job.data.amount)
      case 'credit-once':
        return this.accounts.creditOnce(job.data.account, job.data.amount, job.id!)
      case 'charge':
        return this.chargeQuietly(job)
    }
  }

  private async chargeQuietly(job: Job) {
    try {
      await this.billing.chargeOnce(job.data.order, job.data.amount, job.id!)
    } catch (error) { // finds: swallowed-consumer-error
      this.logger.error('charge failed', error)
    }
  }
}
