/** An analysis for tests: small, and with every part that an analysis may have. */
import type { Analysis } from '../../../diagnostics/analysis';
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, number, object } from '../../../protocol/schema/fields';
import type { Section } from '../../../protocol/sections/section';

type Parameters = { readonly threshold: number; readonly heads: string };

interface Result extends Readonly<Record<string, unknown>> {
  /** [layers][heads]: mean mass on the first token. */
  readonly scores: readonly (readonly number[])[];
  readonly threshold: number;
}

const schema: Schema<Result> = object({
  scores: list(list(figure)),
  threshold: number,
});

const above = ({ scores = [], threshold = 0.5 }: Partial<Result>) =>
  scores.flatMap((row, layer) => row.flatMap((score, head) => (score >= threshold ? [{ layer, head, score }] : [])));

export const firstToken: Analysis<Parameters, Result> = {
  id: 'first-token',
  title: 'First-token heads',
  question: 'Which heads read the first token?',
  group: 'patterns',
  source: { reference: 'made for tests', trust: 'low' },
  inputs: ['prompt'],
  parameters: {
    threshold: {
      kind: 'number',
      title: 'Threshold',
      description: 'Mass on the first token from which a head counts.',
      min: 0,
      max: 1,
      default: 0.5,
    },
    heads: { kind: 'heads', title: 'Heads', description: 'Heads to look at; empty for all.', default: '' },
  },
  result: schema,
  supports: ({ summary }) =>
    summary.causal ? { ok: true } : { ok: false, why: 'The model reads in both directions. Choose a causal one.' },
  estimate: ({ blocks }) => ({ passes: 1, bytes: 8 * blocks.length * Math.max(...blocks.map(({ heads }) => heads)) }),
  async *run(model, { input, parameters: { threshold }, variant, groups, step }) {
    const [prompt] = input.prompts;
    if (!prompt) throw new RangeError('a prompt is needed');
    const scores: (readonly number[])[] = [];
    const { blocks } = model.facts;
    // A step for each head, though one run would do for all: tests cancel between them.
    const heads = blocks.flatMap((block, layer) => Array.from({ length: block.heads }, (_, head) => ({ layer, head })));
    for (const [done, { layer, head }] of heads.entries()) {
      yield { sentence: `Layer ${layer} head ${head}`, done, total: heads.length, partial: { scores, threshold } };
      const score = await step(`layer ${layer} head ${head}`, async () => {
        const { layers } = await model.run({
          ...prompt,
          groups,
          variants: [variant],
          statistics: true,
          logits: 'none',
        });
        return layers[layer]?.statistics?.firstToken[head] ?? Number.NaN;
      });
      scores[layer] = [...(scores[layer] ?? []), score];
    }
    return { scores, threshold };
  },
  async ask(model, { input, variant, groups }, _, { section, place }): Promise<Section> {
    const [prompt] = input.prompts;
    if (!prompt || place.kind !== 'head') throw new RangeError('a head is asked for');
    const { layer, head } = place;
    const { layers } = await model.run({
      ...prompt,
      groups,
      variants: [variant],
      maps: [{ layer, head }],
      logits: 'none',
    });
    const map = layers[layer]?.maps.get(head) ?? new Float32Array(0);
    const n = prompt.ids.length;
    return {
      kind: 'map',
      id: `${section}-L${layer}H${head}`,
      title: `Attention of L${layer}H${head}`,
      unit: '',
      definition: 'p(query, key)',
      scale: { kind: 'sequential', max: 1 },
      rows: { title: 'query', labels: prompt.tokens },
      columns: { title: 'key', labels: prompt.tokens },
      values: Array.from({ length: n }, (_row, query) => [...map.subarray(query * n, (query + 1) * n)]),
    };
  },
  /** A further caption stands for anything more: the factor of its heads is the new threshold. */
  async *extend(_model, _job, result, { place }) {
    yield await Promise.resolve({ sentence: 'One step', done: 0, total: 1 });
    return { ...result, threshold: place.kind === 'variant' ? place.reinforcement.alpha : result.threshold };
  },
  finding(result) {
    const { length } = above(result);
    const share = `${Math.round(100 * (result.threshold ?? 0.5))} %`;
    return `${length} ${length === 1 ? 'head gives' : 'heads give'} the first token at least ${share} of the attention.`;
  },
  sections: (result) => [
    {
      kind: 'heads',
      id: 'scores',
      title: 'Mass on the first token',
      ask: 'Show its attention',
      numbers: [
        {
          name: 'score',
          title: 'Mass on the first token',
          unit: '',
          definition: 'mean over i = 1..T-1 of p(i, 0)',
          scale: { kind: 'sequential', max: 1 },
          values: result.scores ?? [],
        },
      ],
      marked: above(result).map(({ layer, head }) => ({ layer, head })),
    },
    {
      kind: 'table',
      id: 'ranked',
      title: 'Heads above the threshold',
      columns: [
        { name: 'head', title: 'head', kind: 'head' },
        { name: 'score', title: 'mass', kind: 'number', unit: '', definition: 'mean over i = 1..T-1 of p(i, 0)' },
      ],
      rows: above(result).map(({ layer, head, score }) => [{ layer, head }, score]),
      empty: 'No head is above the threshold.',
    },
  ],
  compare: (a, b) => [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the mass on the first token',
      numbers: [
        {
          name: 'change',
          title: 'Change',
          unit: '',
          definition: 'second less first',
          scale: { kind: 'diverging' },
          values: a.scores.map((row, layer) =>
            row.map((score, head) => (b.scores[layer]?.[head] ?? Number.NaN) - score),
          ),
        },
      ],
    },
  ],
  offers(result) {
    const [first] = above({ ...result, threshold: 0 }).sort((a, b) => b.score - a.score);
    if (!first) return [];
    const { layer, head } = first;
    return [
      {
        title: `Without L${layer}H${head}`,
        description: 'Removes the head that reads the first token most.',
        interventions: [{ kind: 'gain', layer, head, gain: 0 }],
      },
    ];
  },
};
