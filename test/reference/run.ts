/**
 * `npm run test:reference -- [BEGINNING…]`: every checkpoint of the reference folder (of those whose names begin so), whether it runs or
 * why not, and how far logits and attention are from those of its class in float64: logits in units of the largest, attention as it is.
 * Without a beginning, then the share of published configs whose model would run but for the format of its weights.
 * Fails where a difference is over the limit of the law (test/laws/models/reference-models.test.ts).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textTable } from '../../compute-server/cli/table';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import type { FailureError } from '../../protocol/wire/failures';
import { runnable } from '../../models/architectures/catalogue';
import { describeModel } from '../../models/formats/describe-model';
import {
  differencesOf,
  folderOf,
  givenMore,
  isAttention,
  limitOf,
  otherClass,
  refused,
  type Difference,
} from '../support/reference/compare-model';
import { corpusShare } from './corpus-share';
import { readExpected, referenceModels, type ReferenceModel } from '../support/reference/reference-models';

interface Outcome {
  readonly why?: string;
  readonly differences: readonly Difference[];
}

async function outcomeOf(reference: ReferenceModel, room: string): Promise<Outcome> {
  const other = otherClass[reference.name];
  if (other !== undefined) return { why: other, differences: [] };
  const verdict = runnable(describeModel(reference.config));
  if (verdict !== true && !refused[reference.name]) return { why: verdict, differences: [] };
  const more = givenMore[reference.name];
  if (more !== undefined)
    return { why: `Its outputs are of ${more} too, so that a text alone is not compared.`, differences: [] };
  try {
    const options = { device: 'cpu', threads: 1, limitBytes: 1e9 } as const;
    const model = await openModel(folderOf(reference, room), options);
    const differences = await differencesOf(reference, model, readExpected(reference));
    await model.sessions.release();
    await model.source?.sessions.release();
    if (model.vision && model.vision.sessions !== model.sessions) await model.vision.sessions.release();
    return differences.length > 0 ? { differences } : { why: 'It has no output that is compared.', differences };
  } catch (error) {
    const { failure } = error as Partial<FailureError>;
    const detail = failure && 'detail' in failure ? failure.detail : undefined;
    return { why: detail ?? String((error as Error).message), differences: [] };
  }
}

const largest = (differences: readonly Difference[], attention: boolean): string => {
  const own = differences.filter(({ name }) => isAttention(name) === attention).map(({ error }) => error);
  return own.length === 0 ? '' : Math.max(...own).toExponential(1);
};

async function main(): Promise<void> {
  const room = mkdtempSync(join(tmpdir(), 'headscope-reference-'));
  const beginnings = process.argv.slice(2);
  const chosen = referenceModels.filter(
    ({ name }) => beginnings.length === 0 || beginnings.some((beginning) => name.startsWith(beginning)),
  );
  const rows: string[][] = [];
  const over: string[] = [];
  for (const reference of chosen) {
    const { why, differences } = await outcomeOf(reference, room);
    const [type = '', ...rest] = reference.name.split('--');
    const wrong = differences.some((each) => !(each.error <= limitOf(each)));
    if (wrong) over.push(reference.name);
    const verdict = why ?? (wrong ? 'runs, and differs' : 'runs');
    rows.push([
      type,
      rest.join(' '),
      largest(differences, false),
      largest(differences, true),
      verdict.split(/[;.] /)[0] ?? '',
    ]);
  }
  rmSync(room, { recursive: true });
  const runs = rows.filter(([, , logits, attention]) => logits || attention);
  console.log(textTable(['type', 'class', 'logits', 'attention', 'runs'], rows));
  console.log(
    `${runs.length} of ${rows.length} checkpoints, ${new Set(runs.map(([type]) => type)).size} of ${new Set(rows.map(([type]) => type)).size} types, are within their limits but for ${over.length}.`,
  );
  if (beginnings.length === 0) printShare();
  if (over.length > 0) process.exitCode = 1;
}

/** A line for each kind of published configs. */
function printShare(): void {
  const rows = corpusShare().map(({ kind, runs, of, missing }) => [
    kind,
    `${runs} of ${of}`,
    of === 0 ? '' : `${Math.round((100 * runs) / of)} %`,
    missing
      .slice(0, 4)
      .map(([why, count]) => `${count} ${why.slice(0, 60)}`)
      .join('; '),
  ]);
  console.log(textTable(['published configs', 'would run', '', 'missing most'], rows));
}

void main();
