export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function retry<T>(operation: () => Promise<T>, attempts = 3): Promise<T> {
  let lastError: unknown;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      return await operation();
    } catch (err) {
      lastError = err;
      await sleep(100 * 2 ** attempt);
    }
  }
  throw lastError;
}

export async function forever<T>(operation: () => Promise<T>): Promise<T> {
  for (;;) {  // finds: unbounded-retry
    try {
      return await operation();
    } catch (err) {
      console.error('retrying', err);
      await sleep(1000);
    }
  }
}

export function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  return Promise.race([
    promise,
    new Promise<T>((_, reject) => setTimeout(() => reject(new Error('timeout')), ms)),
  ]);
}

export function Retryable(attempts: number) {
  return function (_target: unknown, _key: string, descriptor: PropertyDescriptor) {
    const original = descriptor.value;
    descriptor.value = async function (...args: unknown[]) {
      for (let i = 0; i < attempts; i++) {
        try {
          return await original.apply(this, args);
        } catch (err) {
          if (i === attempts - 1) throw err;
          await sleep(2 ** i * 50);
        }
      }
    };
    return descriptor;
  };
}
