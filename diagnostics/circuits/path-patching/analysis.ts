/** The analysis `path-patching`: which heads act directly on the answer, and which act on those. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { pairsOf, type Pair } from '../../shared/effects/pairs';
import type { PathMeasured } from '../../shared/circuits/effects';
import { patchedOf, shareOf } from '../../shared/circuits/first-pass';
import { pathEstimates } from '../../shared/circuits/path-estimates';
import { headsOf, PathRuns, type PathSettings } from '../../shared/circuits/paths';
import { receiversOf, type Receiver } from '../../shared/circuits/receivers';
import { pairGap, requireGap } from '../../shared/effects/gap';
import { measuresNext } from '../../shared/effects/metric';
import { outputBytes } from '../../shared/effects/outputs';
import { measured } from '../../shared/effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { ask } from './ask';
import { compare } from './compare';
import { finding, offers } from './finding';
import { nextStages, pathTable, type PathParameters } from './parameters';
import { pathResult, type PathResult } from './result';
import { sections } from './sections';
import { refusal } from '../../../protocol/wire/failures';
import { following, keptOf, planned, resultOf, type Planned, type Run } from './stages';
import { mean } from '../../../kernels/tensors/vectors';

export const pathPatching: Analysis<PathParameters, PathResult> = {
  id: 'path-patching',
  title: 'Path patching',
  question: 'Which heads act directly on the answer, and which act on those?',
  group: 'circuits',
  source: {
    reference:
      'arXiv:2211.00593, section 3.1 and appendix B; arXiv:2304.05969; arXiv:2310.08744 (stages, and what is held)',
    trust: 'medium',
    note: 'Heads are held at the position alone, as in the code of 2310.08744; the effect is a ratio of means over all prompts. All heads before the last receiver are sent. Intervals and their correction are choices of Headscope.',
  },
  inputs: ['task', 'prompt-pair'],
  usualTask: { task: 'indirect-object', samples: 32 },
  exactWeights: true,
  parameters: pathTable,
  result: pathResult,
  recurrent: true,
  holdsHeads: true,
  supports: measuresNext,
  estimate(facts, { prompts, task }, { receivers, next, exactShare }) {
    const runs = task ? task.samples.map(({ prompt }) => prompt) : prompts.slice(0, 1);
    const longest = Math.max(0, ...runs.map(({ ids }) => ids.length));
    const heads = headsOf(facts.blocks).length;
    const percent = shareOf(exactShare, heads, 'heads');
    const stages = 1 + next.split(/[,;]/u).filter((part) => part.trim() !== '').length;
    const each = receivers.trim() === 'logits' ? 2 * stages - 1 : 2 * stages;
    return {
      passes: Math.round(
        runs.length * (4 * stages + (each * heads * percent) / 100 + (percent < 100 ? 6 * stages : 0)),
      ),
      bytes: 2 * outputBytes(facts, ['head', 'mlp'], longest),
    };
  },
  run: paths,
  ask,
  finding,
  sections,
  compare,
  offers,
};

async function* paths(
  model: ModelRunner,
  job: AnalysisJob<PathParameters>,
): AsyncGenerator<Step<PathResult>, PathResult> {
  const { parameters, variant, step } = job;
  const { freezeMlps, kept: share } = parameters;
  const others = nextStages(parameters.next);
  const receivers = receiversOf(parameters.receivers, model.facts.blocks);
  const { pairs, metric, lacking, answers } = await pairsOf(model, job);
  const settings: PathSettings = { metric, variant, freezeMlps };
  const about = { metric, freezeMlps, ...(lacking > 0 ? { leftOut: lacking } : {}), ...(answers ? { answers } : {}) };
  // Work is counted in prompts of a stage; the differences are measured first.
  const total = pairs.length * (2 + others.length);

  yield { sentence: 'Prompts and counterparts', done: 0, total };
  const ends = await step('prompts and counterparts', async () => {
    const found: Omit<PathMeasured, 'patched'>[] = [];
    for (const pair of pairs) {
      const of = async (sequence: Pair['clean']) =>
        (await measured(model, sequence, pair, metric, [variant]))[0]?.[0] ?? Number.NaN;
      found.push({ original: await of(pair.clean), counterpart: await of(pair.corrupted) });
    }
    return found;
  });
  const gap = mean(ends.map(({ original, counterpart }) => original - counterpart));
  requireGap(gap, parameters.leastGap, metric, pairGap);

  const runs: Run[] = [];
  let plan: Planned = planned(model.facts, pairs, receivers, parameters.at);
  requireLast(plan, pairs);
  for (const number of Array.from({ length: 1 + others.length }, (_, at) => at)) {
    const name = `stage ${number + 1} of ${1 + others.length}`;
    const first = yield* firstPass(model, pairs, settings, plan, job, {
      name,
      stage: (sentence) => ({
        sentence,
        done: pairs.length * (1 + number),
        total,
        partial: resultOf(model.facts, ends, runs, share, about),
      }),
    });
    const chosen = first ? [...first.patched.largest, ...first.patched.drawn] : [...plan.senders.keys()];
    const found: PathMeasured[] = [];
    for (const [at, pair] of pairs.entries()) {
      const done = pairs.length * (1 + number) + at;
      const partial =
        found.length > 0 ? [...runs, { ...plan, measured: found, edges: [], ...(first ? { first } : {}) }] : runs;
      yield {
        sentence: `Path patching: ${name}, prompt ${at + 1} of ${pairs.length}`,
        done,
        total,
        partial: resultOf(model.facts, ends, partial, share, about),
      };
      found.push(await step(`${name}, prompt ${at}`, () => patched(model, pair, settings, plan, chosen)));
    }
    const kept = keptOf(model.facts, { senders: plan.senders, measured: found }, share);
    const edges = await step(`${name}, edges`, () => edgesOf(model, pairs, settings, plan, kept));
    runs.push({ ...plan, measured: found, edges, ...(first ? { first } : {}) });
    const next = others[number];
    if (!next || kept.length === 0) break;
    plan = following(model.facts, pairs, kept, next, plan.at);
  }
  return resultOf(model.facts, ends, runs, share, about);
}

/** Where only a share is patched: estimates of all senders, and which of them are. */
async function* firstPass(
  model: ModelRunner,
  pairs: readonly Pair[],
  { metric, ...settings }: PathSettings,
  { senders, receivers, places }: Planned,
  { parameters, seed, step }: AnalysisJob<PathParameters>,
  { name, stage }: { readonly name: string; readonly stage: (sentence: string) => Step<PathResult> },
): AsyncGenerator<Step<PathResult>, Run['first']> {
  const percent = shareOf(parameters.exactShare, senders.length, 'heads');
  // What is right or wrong has no slope.
  if (percent >= 100 || metric === 'accuracy') return undefined;
  const found: (readonly number[])[] = [];
  for (const [at, pair] of pairs.entries()) {
    yield stage(`Gradients: ${name}, prompt ${at + 1} of ${pairs.length}`);
    const asked = { senders, receivers, positions: places(pair) };
    found.push(
      await step(`${name}, estimates of prompt ${at}`, () =>
        pathEstimates(model, pair, asked, { metric, ...settings }),
      ),
    );
  }
  const estimates = senders.map((_, sender) => mean(found.map((own) => own[sender] ?? Number.NaN)));
  return { estimates, patched: patchedOf(estimates, percent, seed) };
}

/** `chosen`: senders by their places; NaN of the others. */
async function patched(
  model: ModelRunner,
  pair: Pair,
  settings: PathSettings,
  { senders, receivers, places }: Planned,
  chosen: readonly number[],
): Promise<PathMeasured> {
  const runs = await PathRuns.of(model, pair, settings);
  const some = chosen.flatMap((at) => senders[at] ?? []);
  const values = await runs.measured({ senders: some, receivers, positions: places(pair) });
  const all = senders.map(() => Number.NaN);
  chosen.forEach((sender, at) => (all[sender] = values[at] ?? Number.NaN));
  return { ...runs.ends, patched: all };
}

/** What each head that was kept does to each receiver alone. */
async function edgesOf(
  model: ModelRunner,
  pairs: readonly Pair[],
  settings: PathSettings,
  { receivers, places }: Planned,
  kept: readonly HeadPlace[],
): Promise<Run['edges']> {
  if (receivers.length < 2) return [];
  const found = receivers.flatMap((to) => kept.map((from) => ({ from, to, measured: [] as PathMeasured[] })));
  for (const pair of pairs) {
    const runs = await PathRuns.of(model, pair, settings);
    for (const [at, to] of receivers.entries()) {
      const values = await runs.measured({ senders: kept, receivers: [to], positions: places(pair) });
      values.forEach((value, sender) =>
        found[at * kept.length + sender]?.measured.push({ ...runs.ends, patched: [value] }),
      );
    }
  }
  return found;
}

/** The logits that are measured are those of the last position. */
function requireLast({ receivers, places, at }: Planned, pairs: readonly Pair[]): void {
  const isLogits = receivers.some((receiver: Receiver) => receiver.input === 'logits');
  if (!isLogits || pairs.every((pair) => places(pair).includes(pair.clean.ids.length - 1))) return;
  throw refusal(
    `The logits are read at the last position, and "${at.slice(0, 60)}" is another. Give the position query, or receivers there.`,
  );
}
