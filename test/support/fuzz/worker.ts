/** One worker: loads a subject, then takes one seed after another from the runner until no more come. */
import { isDeepStrictEqual } from 'node:util';
import { faultOf } from './judge';
import type { Subject } from './subject';

export type ToWorker = { readonly seed: number };

export type FromWorker =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done';
      readonly seed: number;
      readonly answered: 'value' | 'refusal';
      readonly fault?: string;
      /** Most memory that this process ever held, in bytes: what an input took and gave back is seen. */
      readonly peak: number;
    };

const [, , file, folder] = process.argv;

async function main(): Promise<void> {
  if (!process.send || file === undefined || folder === undefined)
    throw new Error('A fuzz worker is started by the runner.');
  const send = (message: FromWorker): void => void process.send?.(message);
  const { subject } = (await import(file)) as { subject: Subject };
  process.on('message', ({ seed }: ToWorker) => {
    void take(subject, seed, folder).then(({ answered, fault }) =>
      send({ kind: 'done', seed, answered, ...(fault === undefined ? {} : { fault }), peak: peakBytes() }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}

/** maxRSS is in kilobytes on every system (libuv). */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

async function take(
  subject: Subject,
  seed: number,
  folder: string,
): Promise<{ readonly answered: 'value' | 'refusal'; readonly fault?: string | undefined }> {
  try {
    const input = subject.make(seed);
    if (seed % 64 === 1 && !isDeepStrictEqual(input, subject.make(seed))) {
      return {
        answered: 'value',
        fault: 'gave two different inputs, so that nothing that it finds can be found again',
      };
    }
    const outcome = await subject.run(input, folder);
    return { answered: 'refusal' in outcome ? 'refusal' : 'value', fault: faultOf(outcome) };
  } catch (error) {
    return {
      answered: 'refusal',
      fault: `threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    };
  }
}

void main();
