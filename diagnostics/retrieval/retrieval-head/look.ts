/** Where heads look in one test: the answer of the analysis to a head or a test that is asked for. */
import { type HeadPlace, headName } from '../../../protocol/schema/written-form';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { TokensSection } from '../../../protocol/sections/tokens';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { retrievalHeads } from './finding';
import { needleTests, type NeedleTest } from './needle-test';
import type { RetrievalParameters } from './parameters';
import type { RetrievalHeadResult } from './result';
import { percent } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

/** Tokens that are shown: of a longer prompt those about the needle. */
const mostShown = 4096;

export async function look(
  model: ModelRunner,
  { input, parameters, variant, groups }: AnalysisJob<RetrievalParameters>,
  result: RetrievalHeadResult,
  { section, place }: SectionQuestion,
): Promise<TokensSection> {
  const { task } = input;
  if (!task) throw new RangeError('the analysis reads a task');
  const { tests } = needleTests(task.task, task.samples, parameters.needle);
  // A head is shown in the first test whose answer is right.
  const usual = Math.max(
    0,
    result.byTest.findIndex(({ passed }) => passed),
  );
  const asked =
    section === 'tests' && place.kind === 'row'
      ? { at: place.row, heads: result.topHeads }
      : { at: usual, heads: [headOf(result, place)] };
  const test = tests[asked.at];
  if (!test) throw new RangeError(`there is no test ${asked.at}`);
  const heads = asked.heads.length > 0 ? asked.heads : [{ layer: 0, head: 0 }];
  const { ids } = test.sample.prompt;
  const last = ids.length - 1;
  const { layers } = await model.run({
    ids,
    groups,
    variants: [variant],
    taps: [...new Set(heads.map(({ layer }) => layer))].map((layer) => ({ layer, tap: 'attention.probabilities' })),
    tapRows: [last],
    logits: 'none',
  });
  const rows = heads.map(({ layer, head }) => {
    const row = layers.find((one) => one.layer === layer)?.taps['attention.probabilities'];
    const [keys = 0] = row?.shape.slice(-1) ?? [];
    // A head with a window reads the last keys alone.
    return ids
      .map((_, key) => Number(row?.data[head * keys + key - (ids.length - keys)] ?? 0))
      .map((p, key) => (key < ids.length - keys ? 0 : p));
  });
  return sectionOf(model, test, { id: `${section}-look`, heads, rows, answer: result.byTest[asked.at] });
}

function headOf(result: RetrievalHeadResult, place: SectionQuestion['place']): HeadPlace {
  if (place.kind === 'head') return place;
  const row = place.kind === 'row' ? retrievalHeads(result)[place.row] : undefined;
  if (!row) throw new RangeError('nothing is known of this place');
  return row;
}

interface Looking {
  readonly id: string;
  readonly heads: readonly HeadPlace[];
  /** By head: p(last row, key). */
  readonly rows: readonly (readonly number[])[];
  readonly answer: RetrievalHeadResult['byTest'][number] | undefined;
}

function sectionOf(
  model: ModelRunner,
  { sample, needle, length, depth }: NeedleTest,
  { id, heads, rows, answer }: Looking,
): TokensSection {
  const { ids } = sample.prompt;
  const middle = needle.positions[0] ?? 0;
  const from = Math.max(0, Math.min(ids.length - mostShown, middle - mostShown / 2));
  const shown = <T>(all: readonly T[]): readonly T[] => all.slice(from, from + mostShown);
  const at = new Set(needle.positions);
  const numbers = (name: string, title: string, values: readonly number[]): TokensSection['numbers'][number] =>
    build.amounts(
      name,
      title,
      `Attention of ${title} on the token, from the last token of the prompt: the row that produces the first token of the answer.`,
      shown(values),
    );
  const single = heads.map((place, head) => numbers(headName(place), headName(place), rows[head] ?? []));
  const mean = ids.map((_, key) => rows.reduce((sum, row) => sum + (row[key] ?? 0), 0) / rows.length);
  const left = ids.length > mostShown ? ` ${mostShown} of ${ids.length} tokens, about the needle.` : '';
  return {
    kind: 'tokens',
    id,
    title: `Where ${heads.length === 1 ? (single[0]?.title ?? '') : 'the top heads'} ${heads.length === 1 ? 'looks' : 'look'}`,
    caption: `A test of ${length} tokens with the needle at depth ${percent(depth)}${answer ? `, which ${answer.passed ? 'passed' : 'failed'}: “${answer.answer.slice(0, 80)}”` : ''}.${left}`,
    tokens: shown(model.pieces(ids)),
    numbers: heads.length === 1 ? single : [numbers('mean', `the ${heads.length} top heads (mean)`, mean), ...single],
    classes: {
      names: ['needle', 'first token'],
      of: shown(ids.map((_, key) => (at.has(key) ? 0 : key === 0 ? 1 : -1))),
    },
  };
}
