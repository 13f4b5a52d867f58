export interface RetryOptions {
  attempts?: number
  baseMs?: number
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function Retryable(options: RetryOptions = {}) {
  return function (_target: unknown, _key: string, descriptor: PropertyDescriptor) {
    const original = descriptor.value
    descriptor.value = async function (...args: unknown[]) {
      const attempts = options.attempts ?? 3
      for (let attempt = 1; ; attempt++) {
        try {
          return await original.apply(this, args)
        } catch (error) {
          if (attempt >= attempts) throw error
          await sleep((options.baseMs ?? 200) * 2 ** attempt * (0.5 + Math.random()))
        }
      }
    }
    return descriptor
  }
}

export async function eventually<T>(check: () => Promise<T>): Promise<T> {
  while (true) { // finds: unbounded-retry
    try {
      return await check()
    } catch {
      await sleep(1000)
    }
  }
}
