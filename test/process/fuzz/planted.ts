/** A subject that goes wrong in one way for each of some seeds, and answers or refuses the others. */
import { spawn } from 'node:child_process';
import type { Outcome, Subject } from '../../support/fuzz/subject';

export const wrong = {
  hangs: 3,
  waitsForNothing: 5,
  hangsInAChild: 7,
  aborts: 9,
  failsOutsideItsCall: 11,
  fillsTheHeap: 13,
  fillsBuffers: 15,
  takesAndGivesBack: 17,
  saysNothing: 19,
  saysUndefined: 21,
  throws: 23,
  refusesWithTheInside: 25,
  refusesWithEscapes: 27,
  poisons: 29,
} as const;

let poisoned = false;
let kept: unknown;

/** Every page is written: memory that is only asked for is not resident. */
const filled = (megabytes: number): Buffer[] =>
  Array.from({ length: megabytes / 16 }, () => Buffer.alloc(16 * 2 ** 20, 1));

async function act(seed: number): Promise<Outcome> {
  switch (seed) {
    case wrong.hangs:
      for (;;) kept = Math.random();
    case wrong.waitsForNothing:
      return new Promise(() => {});
    case wrong.hangsInAChild:
      spawn(process.execPath, ['-e', 'for (;;);']);
      return new Promise(() => {});
    case wrong.aborts:
      return process.abort();
    case wrong.failsOutsideItsCall:
      setTimeout(() => {
        throw new Error('outside');
      }, 0);
      return new Promise(() => {});
    case wrong.fillsTheHeap: {
      const rows: number[][] = [];
      for (;;) kept = rows.push(new Array<number>(1_000_000).fill(rows.length + 0.5));
    }
    case wrong.fillsBuffers: {
      const all: Buffer[][] = [];
      for (;;) kept = all.push(filled(64));
    }
    case wrong.takesAndGivesBack:
      return { value: filled(512).length };
    case wrong.saysNothing:
      return { value: '' };
    case wrong.saysUndefined:
      return { value: undefined };
    case wrong.throws:
      throw new TypeError('Cannot read properties of undefined');
    case wrong.refusesWithTheInside:
      return { refusal: "The file cannot be read (Cannot read properties of undefined (reading 'x'))." };
    case wrong.refusesWithEscapes:
      return { refusal: 'There is no \u001b[2J here.' };
    case wrong.poisons:
      poisoned = true;
      return { value: 'poisoned' };
    case wrong.poisons + 1:
      return poisoned ? { value: undefined } : { value: 'well' };
    default:
      await Promise.resolve();
      return seed % 2 === 0 ? { value: seed } : { refusal: 'Odd numbers are refused.' };
  }
}

export const subject: Subject<number> = {
  counts: { tier: 40, full: 40 },
  least: { values: 0.1, refusals: 0.1 },
  limits: { seconds: 1.5, waitSeconds: 3, megabytes: 400 },
  make: (seed) => seed,
  run: act,
};

export const wasKept = (): unknown => kept;
