/** The analysis `head-concentration`: how much of their attention heads rest on few keys, and which heads of a layer read alike. */
import type { Analysis } from '../../analysis';
import { markedRows } from '../../../models/architectures/marked-tokens';
import { countOfKeysRead } from '../../model-runner/keys-read';
import { attentionMap } from '../../shared/sections/head-maps';
import { concentrationOf, type LayerConcentration } from './layer';
import { concentrationResult, type ConcentrationResult } from './result';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

type Parameters = { readonly strongest: number; readonly queries: string };

export const headConcentration: Analysis<Parameters, ConcentrationResult> = {
  id: 'head-concentration',
  title: 'Concentration of attention',
  question: 'Do heads rest on a few keys, and which heads of a layer read the same ones?',
  group: 'patterns',
  source: {
    reference: 'Zhang et al. 2024, arXiv:2311.07125',
    trust: 'medium',
    note: 'The paper measures the mass of the 10 strongest instances and the cosine of branches of its own pooling. The same numbers of the heads of any model are ours.',
  },
  inputs: ['prompt'],
  readsMaps: true,
  parameters: {
    strongest: field.integer('Strongest keys', 'K of the mass.', { min: 1, max: 1000, default: 10 }),
    queries: field.choice(
      'Queries',
      'all; first: the class token of a vision transformer; last: the end of a prompt.',
      { options: ['all', 'first', 'last'], default: 'all' },
    ),
  },
  result: concentrationResult,
  supports: () => ({ ok: true }),
  estimate({ blocks }, { prompts: [prompt] }) {
    const length = prompt?.ids.length ?? 0;
    const heads = Math.max(0, ...blocks.map((block) => block.heads));
    return { passes: blocks.length, bytes: 4 * heads * length ** 2 };
  },
  async *run(model, { input, parameters: { strongest, queries: which }, variant, groups, step }) {
    const [prompt] = input.prompts;
    if (!prompt) throw new RangeError('a prompt is needed');
    const layers: LayerConcentration[] = [];
    const { blocks } = model.facts;
    for (const [layer, { heads, causal, window, chunked, marks }] of blocks.entries()) {
      yield {
        sentence: `Layer ${layer + 1} of ${blocks.length}`,
        done: layer,
        total: blocks.length,
        partial: { strongest, layers: [...layers] },
      };
      const own = await step(`layer ${layer}`, async () => {
        const places = Array.from({ length: heads }, (_, head) => ({ layer, head }));
        const result = await model.run({ ...prompt, groups, variants: [variant], maps: places, logits: 'none' });
        const found = result.layers[layer]?.maps;
        const maps = places.flatMap(({ head }) => found?.get(head) ?? []);
        const n = Math.round(Math.sqrt(maps[0]?.length ?? 0));
        const all = Array.from({ length: n }, (_, query) => query);
        const queries = which === 'first' ? all.slice(0, 1) : which === 'last' ? all.slice(-1) : all;
        const marked = marks && markedRows(marks, prompt.ids);
        const keys = (query: number): number => countOfKeysRead(query, n, { causal, window, chunked, marked });
        return concentrationOf(maps, n, queries, keys, strongest);
      });
      layers.push(own);
    }
    return { strongest, layers };
  },
  ask: async (model, job, _result, { section, place }) => {
    if (place.kind !== 'head') throw new RangeError('a head is asked for');
    return attentionMap(model, job, place, section);
  },
  finding,
  sections,
};
