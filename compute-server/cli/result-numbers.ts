/** A saved result of any kind, read for its numbers. */
import { exportedBenchmark } from '../../protocol/exports/benchmark-table';
import type { Exported } from '../../protocol/exports/exported';
import { exportedSections } from '../../protocol/exports/section-tables';
import { checkResult, saysResult, type SavedResult } from '../../protocol/results/saved-result';
import { fieldsIn } from '../../protocol/schema/fields';
import type { Section } from '../../protocol/sections/section';
import { wrongUsage } from './exit-codes';
import { jsonFile } from './text-files';

export interface ResultNumbers {
  readonly exported: Exported;
  /** What made it, for the files that its numbers go to. */
  readonly of: Readonly<Record<string, unknown>>;
  /** As they stand in the file; absent where the file has none, as those of earlier versions and benchmarks. */
  readonly sections?: readonly Section[];
  readonly isBenchmark: boolean;
}

export async function resultNumbers(path: string): Promise<ResultNumbers> {
  const value = await jsonFile(path);
  const read = checkResult(value);
  if (!read.ok) {
    const next = saysResult(value) ? '' : ' Name a saved result.';
    throw wrongUsage(`${path} is no result whose numbers can be written: ${read.why}${next}`);
  }
  const { result } = read;
  if (result.kind === 'headscope-bench') {
    const { kind, rows, headscope, created, device, plan } = result;
    return { exported: exportedBenchmark(rows), of: { kind, headscope, created, device, plan }, isBenchmark: true };
  }
  const isAsWritten = fieldsIn(value)['kind'] === result.kind;
  return {
    exported: exportedSections(result.sections),
    of: madeOf(result),
    ...(isAsWritten ? { sections: result.sections } : {}),
    isBenchmark: false,
  };
}

function madeOf(result: Exclude<SavedResult, { readonly kind: 'headscope-bench' }>): ResultNumbers['of'] {
  if (result.kind === 'headscope-module') {
    const { kind, title, finding, headscope, created, plan } = result;
    return { kind, title, finding, headscope, created, plan };
  }
  const { kind, analysis, title, finding, headscope, created, model, input, parameters, interventions, seed } = result;
  return { kind, analysis, title, finding, headscope, created, model, input, parameters, interventions, seed };
}
