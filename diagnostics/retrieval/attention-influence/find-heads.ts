/** The heads that copy, by probes (probe-set.ts): the first format that the model can answer, then all of its probes. */
import { object, count, figure, list, oneOf, whole } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Variant } from '../../../models/instrument/changes/changes';
import { FailureError } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { copyScores, mostReadIn, overTests, type HeadTable } from '../../shared/retrieval/copy-events';
import { probeFormats, probesOf, type Probe, type ProbeFormat, type ProbeSetting } from './probe-set';

/** How often the model answered: every token of the answer was the most probable one. */
const answeredFields = { format: oneOf(probeFormats), answered: whole, tests: whole };
const answered = object(answeredFields);
type Answered = Output<typeof answered>;

export const probeOutcome = object({
  ...answeredFields,
  probes: count,
  /** Mean number of tokens of a probe, answer included. */
  tokens: figure,
  /** The formats that were tried before, and this one, on their first probes. */
  tried: list(answered, 'a list of formats', { most: probeFormats.length }),
});
type ProbeOutcome = Output<typeof probeOutcome>;

export interface FoundHeads {
  readonly scores: HeadTable;
  readonly probe: ProbeOutcome;
}

export interface ProbeRun {
  readonly format: ProbeFormat | 'auto';
  readonly count: number;
  /** The token that is copied may be read anywhere. */
  readonly anywhere: boolean;
  readonly variant: Variant;
  readonly step: AnalysisJob<Record<never, never>>['step'];
}

/** Probes that show whether the model can answer a format at all. */
const tries = 4;
/** A format that is answered less often is left for the next one. */
export const leastAnswered = 0.5;

interface Measured {
  /** Mean over the tests of the probe. */
  readonly scores: HeadTable;
  readonly answered: number;
  readonly tests: number;
  readonly tokens: number;
}

const totals = (format: ProbeFormat, measured: readonly Measured[]): Answered => ({
  format,
  answered: measured.reduce((sum, { answered }) => sum + answered, 0),
  tests: measured.reduce((sum, { tests }) => sum + tests, 0),
});

const share = ({ answered, tests }: Answered): number => (tests === 0 ? 0 : answered / tests);

/** `done` counts probes, of `total`: as many as are wanted and those that were tried in vain. */
export async function* findHeads(
  model: ModelRunner,
  setting: ProbeSetting,
  { format: wanted, count, anywhere, variant, step }: ProbeRun,
): AsyncGenerator<Pick<Step<never>, 'sentence' | 'done' | 'total'>, FoundHeads> {
  const tried: { format: ProbeFormat; probes: readonly Probe[]; measured: Measured[] }[] = [];
  const measure = (format: ProbeFormat, probe: Probe, number: number): Promise<Measured> =>
    step(`probe ${format} ${number}`, () => measured(model, probe, variant, anywhere));
  const most = Math.min(tries, count);
  const total = count + (wanted === 'auto' ? (probeFormats.length - 1) * most : 0);
  let done = 0;
  for (const format of wanted === 'auto' ? probeFormats : [wanted]) {
    const attempt = { format, probes: probesOf(format, count, setting), measured: [] as Measured[] };
    for (const [number, probe] of attempt.probes.slice(0, tries).entries()) {
      yield { sentence: `Looking for heads that copy: probe ${number + 1} of ${count} (${format})`, done, total };
      attempt.measured.push(await measure(format, probe, number));
      done += 1;
    }
    if (attempt.measured.length > 0) tried.push(attempt);
    if (share(totals(format, attempt.measured)) >= leastAnswered) break;
  }
  const [best] = [...tried].sort((a, b) => share(totals(b.format, b.measured)) - share(totals(a.format, a.measured)));
  if (!best) {
    const what = wanted === 'auto' ? 'No probe fits' : `Probes of the format "${wanted}" do not fit`;
    throw new FailureError({
      code: 'unsupported',
      detail: `${what} the tokenizer, the vocabulary or the context of this model. Choose heads yourself, or another model.`,
    });
  }
  const all = [...best.measured];
  for (const [at, probe] of best.probes.slice(tries).entries()) {
    const number = at + tries;
    yield {
      sentence: `Looking for heads that copy: probe ${number + 1} of ${count} (${best.format})`,
      done: Math.min(done, total),
      total,
    };
    all.push(await measure(best.format, probe, number));
    done += 1;
  }
  const scores = overTests(all.map((one) => one.scores))?.scores ?? [];
  return {
    scores,
    probe: {
      ...totals(best.format, all),
      probes: all.length,
      tokens: all.reduce((sum, { tokens }) => sum + tokens, 0) / all.length,
      tried: tried.map((one) => totals(one.format, one.measured)),
    },
  };
}

/** The answer is given (teacher forcing); the row before each of its tokens produces it. */
async function measured(
  model: ModelRunner,
  { ids, tests }: Probe,
  variant: Variant,
  anywhere: boolean,
): Promise<Measured> {
  const rows = [...new Set(tests.flatMap(({ answer }) => answer.map((at) => at - 1)))].sort((a, b) => a - b);
  const { layers, nextTokens } = await model.run({
    ids,
    variants: [variant],
    topKeys: 'all',
    logits: 'none',
    lossAt: rows,
    eachToken: true,
  });
  const best = nextTokens?.[0]?.best;
  const answered = tests.filter(({ answer }) => answer.every((at) => best?.[rows.indexOf(at - 1)] === ids[at])).length;
  const scores = tests.map(({ needle, answer }) =>
    copyScores(
      { ids, positions: needle, anywhere },
      answer.map((at) => ({
        id: ids[at] ?? -1,
        mostRead: layers.map(({ top }) => (top ? mostReadIn(top, at - 1) : [])),
      })),
    ),
  );
  return { scores: overTests(scores)?.scores ?? [], answered, tests: tests.length, tokens: ids.length };
}
