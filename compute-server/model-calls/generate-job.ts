/** The job behind `headscope generate` and the panel's continuation. */
import type { RunRequest } from '../../diagnostics/model-runner/run-request';
import type { Variant } from '../../models/instrument/changes/changes';
import type { PlanChange } from '../../models/instrument/changes/plan';
import { usableContext } from '../../models/architectures/context';
import type { GenerateProgress, GenerateReply } from '../../protocol/compute/models';
import type { GenerateRequest, NextTokensRequest } from '../../protocol/compute/model-requests';
import { type NextToken, type NextTokens, headStatisticNames } from '../../protocol/results/heads';
import type { HeadStatistics } from '../../protocol/results/heads-schema';
import type { CacheSize } from '../../protocol/plans/cache-size';
import type { Job } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import { decidesOverRows, readsBeyond } from '../../protocol/interventions/interventions';
import { withChangedSource } from '../model/interventions/changed-source';
import { lower, reinforcedRun, reinforcementIn } from '../model/interventions/lower';
import { chunkThatFits } from '../model/run/stream/budget';
import { continued } from '../../diagnostics/model-runner/decoding';
import type { HeadNumbers } from '../../diagnostics/model-runner/head-numbers';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { runPrompt } from '../model/run/stream/model-run';
import { beginParity, requireParity } from '../model/checkpoint/parity';
import { piecesOf, promptOfIds, sequenceOf, textOf } from '../model/prompt/prompt';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { divergence, probabilities } from '../../diagnostics/model-runner/sampling';
import { keptPlanOf } from '../model/generation/decoding-graphs';
import { SequenceRun } from '../model/generation/sequence-run';
import { requireHead } from '../model/interventions/span-request';

export async function* generateJob(
  model: LoadedModel,
  request: GenerateRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<GenerateProgress, GenerateReply> {
  requireHead(model);
  const { memoryLimit } = surroundings;
  const { interventions } = request;
  const encoding = { memoryLimit, signal };
  const read = await sequenceOf(model, request.prompt, encoding, interventions);
  const sequence = await withChangedSource(model, read, interventions, encoding);
  const context = readsBeyond(interventions, usableContext(model.spec)) ? undefined : usableContext(model.spec);
  const promptIds = sequence.ids;
  const chunkFor = (how: { readonly keepCache: boolean; readonly plan?: readonly PlanChange[] | undefined }): number =>
    chunkThatFits(
      model,
      {
        ...how,
        length: promptIds.length,
        batch: 1,
        further: Math.min(request.maxNewTokens, (context ?? Infinity) - promptIds.length),
        logits: 'last',
        prefix: sequence.prefix,
        source: sequence.source,
        atOnce: decidesOverRows(interventions),
      },
      memoryLimit,
    );
  const planned = interventions.some(({ kind }) => kind === 'plan');
  const chunk = chunkFor({ keepCache: !planned });
  const comparison = await beginParity(model, sequence, { signal });
  try {
    const reinforce = reinforcementIn(interventions);
    const beside = interventions.filter((one) => one !== reinforce);
    const of = { opened: model, model, sequence, chunk, memoryLimit, signal };
    const {
      variants: [variant = []],
      groups,
    } = await lower(of, [beside]);
    const keptPlan = keptPlanOf(model.spec, model.sessions, { variant }, promptIds.length);
    if (planned) of.chunk = chunkFor({ keepCache: true, plan: keptPlan });
    const reinforced = reinforce && (await reinforcedRun(of, reinforce, variant, request.maxNewTokens));
    const made: number[] = [];
    let first: Float32Array | undefined;
    let cache: CacheSize;
    const run =
      reinforced?.run ??
      (await SequenceRun.start(
        model.spec,
        model.sessions,
        { ...sequence, groups, variant, chunk: of.chunk },
        { signal },
      ));
    const continuation = {
      maxNewTokens: request.maxNewTokens,
      stopIds: model.stopIds,
      sampling: { temperature: request.temperature, topP: request.topP, seed: request.seed },
      statistics: request.statistics,
    };
    try {
      for await (const token of continued(run, continuation, { signal })) {
        first ??= token.logits;
        made.push(token.id);
        yield {
          kind: 'token',
          index: made.length - 1,
          id: token.id,
          text: textOf(model, made),
          probability: probabilities(token.logits)[token.id] ?? 0,
          ...(token.statistics ? { statistics: tables(token.statistics) } : {}),
        };
      }
      cache = run.cacheBytes();
    } finally {
      run.dispose();
    }
    const logitsLast = first ?? run.logits;
    const { image, chatPrompt, source } = sequence;
    return {
      promptIds,
      ...(source ? { sourceIds: source.ids } : {}),
      ...(image ? { image } : {}),
      ...(chatPrompt ? { chatPrompt } : {}),
      ids: made,
      text: textOf(model, made),
      logitsLast,
      top: topOf(model, logitsLast, 10),
      parity: await comparison.finish(),
      ...(reinforced ? { selected: reinforced.selected } : {}),
      cache,
    };
  } finally {
    await comparison.end();
  }
}

/** Next-token distributions of the plain model and of each variant, as one batch from the first changed layer on. */
export async function nextTokens(
  model: LoadedModel,
  request: NextTokensRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<readonly NextTokens[]> {
  requireHead(model);
  const { memoryLimit } = surroundings;
  const prompt = promptOfIds(request);
  const sequence = await sequenceOf(model, prompt, { memoryLimit, signal });
  const chunk = chunkThatFits(
    model,
    {
      length: sequence.ids.length,
      batch: 1 + request.variants.length,
      keepCache: false,
      logits: 'last',
      prefix: sequence.prefix,
      source: sequence.source,
      atOnce: decidesOverRows(request.variants.flat()),
    },
    memoryLimit,
  );
  await requireParity(model, sequence, { signal });
  const of = { opened: model, model, sequence, chunk, memoryLimit, signal };
  const { variants, groups } = await lower(of, request.variants);
  const lists = [[], ...request.variants];
  const sources: (Float32Array | undefined)[] = [];
  for (const list of lists)
    sources.push((await withChangedSource(model, sequence, list, { memoryLimit, signal })).source?.stream);
  const own = sources.filter((stream) => stream !== undefined);
  const rows = await lastLogits(
    model,
    { ...sequence, groups, ...(own.length > 0 ? { variantSources: own } : {}) },
    [[], ...variants],
    chunk,
    signal,
  );
  const [plain = new Float32Array(0)] = rows;
  return rows.map((logits, at) => ({
    interventions: request.variants[at - 1] ?? [],
    top: topOf(model, logits, request.top),
    divergence: at === 0 ? 0 : divergence(plain, logits),
    entropy: probabilities(logits).reduce((sum, p) => (p === 0 ? sum : sum - p * Math.log(p)), 0),
  }));
}

async function lastLogits(
  model: LoadedModel,
  sequence: Pick<RunRequest, keyof Sequence | 'variantSources'>,
  variants: readonly Variant[],
  chunk: number,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const run = await runPrompt(model.spec, model.sessions, { ...sequence, variants, chunk, logits: 'last' }, { signal });
  const data = run.logits?.data;
  if (!(data instanceof Float32Array)) throw new RangeError('the model gave no logits');
  const width = data.length / variants.length;
  return variants.map((_, at) => data.slice(at * width, (at + 1) * width));
}

/** The most probable next tokens by the logits of a row. */
export function topOf(model: LoadedModel, logits: Float32Array, count: number): NextToken[] {
  const p = probabilities(logits);
  const order = Array.from(p.keys())
    .sort((a, b) => (p[b] ?? 0) - (p[a] ?? 0) || a - b)
    .slice(0, count);
  const pieces = order.map((id) => piecesOf(model, [id])[0] ?? `#${id}`);
  return order.map((id, at) => ({ id, text: pieces[at] ?? '', probability: p[id] ?? 0 }));
}

/** Statistics of the heads by their names, [layers][heads]. */
export function tables(layers: readonly HeadNumbers[]): {
  readonly [K in keyof HeadStatistics]: readonly (readonly number[])[];
} {
  return Object.fromEntries(
    headStatisticNames.map((name) => [name, layers.map((layer) => layer[name])]),
  ) as unknown as { readonly [K in keyof HeadStatistics]: readonly (readonly number[])[] };
}
