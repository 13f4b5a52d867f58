export class TokenBucket {
  private tokens: number
  private refilled = Date.now()

  constructor(private readonly size: number, private readonly perSecond: number) {
    this.tokens = size
  }

  take(): boolean {
    const now = Date.now()
    const elapsed = (now - this.refilled) / 1000
    this.tokens = Math.min(this.size, this.tokens + elapsed * this.perSecond)
    this.refilled = now
    if (this.tokens < 1) return false // finds: wall-clock-duration
    this.tokens -= 1
    return true
  }
}
