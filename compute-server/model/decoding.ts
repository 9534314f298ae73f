/** Generation: a prompt in chunks, then one token at a time against the cache, with gains held throughout. */
import type { ModelSpec } from '../../models/architectures/model-spec';
import { statisticOutputs } from '../../models/instrument/statistics';
import { earlierOccurrences, PickTable, StatisticsCollector, type HeadNumbers } from './head-statistics';
import { requireFinite } from './finite';
import { interventionFeeds, type Variant } from './interventions';
import type { LayerSessions } from './layer-sessions';
import { blockFeeds, embedTokens, groupColumns, noStatistics, runPrompt } from './model-run';
import { flag, floats, int64 } from './runtime-arrays';
import type { RunHooks } from './run-request';
import { sampler, type SamplingSettings } from './sampling';
import { positionAt, sequencePart, type Sequence } from './sequence';

export interface GenerationRequest extends Sequence {
  /** Replacements act on the prompt only; everything else on each generated token too. */
  readonly variant?: Variant;
  readonly chunk: number;
  readonly maxNewTokens: number;
  readonly stopIds: readonly number[];
  readonly sampling: SamplingSettings;
  /** Report statistics of the heads for each generated token's query. */
  readonly statistics?: boolean;
}

export interface GeneratedToken {
  readonly id: number;
  /** Logits that chose it, [v]. */
  readonly logits: Float32Array;
  /** By layer, for the query that produced it (absent for the first token: that query is the prompt's last). */
  readonly statistics?: readonly HeadNumbers[];
}

/** Yields each token as it is chosen; ends after a stop token (which is yielded), `maxNewTokens`, or the end of the context. */
export async function* generate(
  model: ModelSpec,
  sessions: LayerSessions,
  request: GenerationRequest,
  hooks: RunHooks = {},
): AsyncGenerator<GeneratedToken> {
  const choose = sampler(request.sampling);
  const variant = request.variant ?? {};
  const prompt = await runPrompt(
    model,
    sessions,
    {
      ...sequencePart(request),
      variants: [variant],
      chunk: request.chunk,
      logits: 'last',
      keepCache: true,
    },
    hooks,
  );
  const { cache } = prompt;
  let logits = prompt.logits?.data;
  if (!cache || !(logits instanceof Float32Array)) throw new RangeError('the model has no language head');
  const ids = [...request.ids];
  let statistics: readonly HeadNumbers[] | undefined;
  for (let made = 0; made < request.maxNewTokens; made++) {
    const id = choose(logits);
    yield { id, logits, ...(statistics ? { statistics } : {}) };
    if (request.stopIds.includes(id) || made + 1 === request.maxNewTokens) return;
    if (model.contextLength !== undefined && positionAt(request, ids.length) >= model.contextLength) return;
    hooks.signal?.throwIfAborted();
    ids.push(id);
    const step = await decodeStep(model, sessions, request, variant, cache, ids);
    logits = step.logits;
    statistics = step.statistics;
  }
}

async function decodeStep(
  model: ModelSpec,
  sessions: LayerSessions,
  request: GenerationRequest,
  variant: Variant,
  cache: Parameters<typeof blockFeeds>[2],
  ids: readonly number[],
): Promise<{ readonly logits: Float32Array; readonly statistics?: readonly HeadNumbers[] }> {
  const position = ids.length - 1;
  const groups = request.groups ?? [];
  const picks = request.statistics ? new PickTable(earlierOccurrences(ids), position) : undefined;
  let residual = await embedTokens(model, sessions, request, position, ids.slice(-1));
  const statistics: HeadNumbers[] = [];
  for (const block of model.blocks) {
    const layer = block.index;
    const session = await sessions.session({ kind: 'block', layer, instrumented: true });
    const firstKey = cache.first(layer);
    const keys = cache.length(layer) + 1;
    const collector = picks ? new StatisticsCollector(block.attention.heads, picks, groups) : undefined;
    const values = await session.run(
      {
        ...blockFeeds(model, block, cache, residual, { batch: 1, start: position, length: 1, sequence: request }),
        ...interventionFeeds(model, block, {
          variants: [variant],
          groups: groups.map(({ name }) => name),
          keyGroups: groupColumns(groups, firstKey, keys),
          start: position,
          length: 1,
        }),
        ...(collector?.feeds(position, 1, firstKey, keys) ?? noStatistics(keys, 1)),
        use_top_keys: flag(false),
        selected_heads: int64([], [0]),
      },
      ['residual.out', 'new_key', 'new_value', ...(collector ? statisticOutputs : [])],
    );
    residual = floats(values, 'residual.out');
    requireFinite(residual, model.hiddenSize, 1, position, `Layer ${layer}`);
    cache.append(layer, floats(values, 'new_key'), floats(values, 'new_value'));
    if (block.attention.window !== undefined) cache.trim(layer, block.attention.window - 1);
    if (collector) {
      collector.add(position, 1, firstKey, values);
      statistics.push(collector.numbers());
    }
  }
  const head = await sessions.session({ kind: 'head' });
  const values = await head.run({ residual: { data: residual, shape: [1, 1, model.hiddenSize] } });
  return { logits: floats(values, 'logits'), ...(request.statistics ? { statistics } : {}) };
}
