/** The result of a generator whose steps nobody watches. */
export async function finalResult<P, T>(steps: AsyncGenerator<P, T>): Promise<T> {
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
  }
}
