/**
 * A generated text as the steps of an analysis. Blocks that an earlier run left on disk are taken as they are; the first that is
 * missing starts the generation and runs it up to there, so that a resumed run gives the numbers of an uninterrupted one to the
 * bit (several known tokens in one pass would round differently). What a resumed run saves is every text that was finished.
 */
import type { AnalysisJob } from '../../analysis';
import { blockLength } from '../divergence/divergence-run';

interface Block<T> {
  readonly items: readonly T[];
  readonly ended: boolean;
}

export async function* textBlocks<T>(
  step: AnalysisJob<never>['step'],
  name: string,
  start: () => Promise<AsyncGenerator<T>>,
): AsyncGenerator<readonly T[], void> {
  let source: AsyncGenerator<T> | undefined;
  let [taken, known] = [0, 0];
  for (let at = 0; ; at++) {
    // The first token is known long before the others.
    const size = at === 0 ? 1 : blockLength;
    const block = await step(`${name}, block ${at}`, async (): Promise<Block<T>> => {
      source ??= await start();
      for (; taken < known; taken++) await source.next();
      const items: T[] = [];
      while (items.length < size) {
        const next = await source.next();
        if (next.done) return { items, ended: true };
        taken++;
        items.push(next.value);
      }
      return { items, ended: false };
    });
    known += block.items.length;
    if (block.items.length > 0) yield block.items;
    if (block.ended) return;
  }
}
