/** The analysis `region-attention`: which heads read between regions, and what changes where they cannot, or where one is moved. */
import type { Offer } from '../../../protocol/analysis/schema';
import { parseDo } from '../../../protocol/interventions/do-form';
import { kindOf } from '../../../protocol/interventions/interventions';
import { largestIsolation } from '../../../protocol/interventions/isolate';
import type { Analysis } from '../../analysis';
import { mapBytes, passesOfMaps } from '../../shared/maps/layer-maps';
import { mostRegions, type RegionAttentionParameters } from './change';
import { ask } from './reading';
import { regionAttentionResult, type RegionAttentionResult } from './result';
import { regionAttentionRun } from './run';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

export const regionAttention: Analysis<RegionAttentionParameters, RegionAttentionResult> = {
  id: 'region-attention',
  title: 'Region attention',
  question: 'Which heads mix parts of a picture or a text, and what changes when they are kept apart or moved?',
  group: 'interventions',
  source: {
    reference: 'arXiv:2411.19261 (isolation and reposition attention); github.com/hehuiguo/DreamStory',
    trust: 'medium',
    note: 'Published for subjects of a picture that a diffusion model makes, with reference pictures beside it. Headscope runs no diffusion model: here they are regions of what a model reads, and a region is moved within it and stays at its old place too. The measures of change are choices of Headscope.',
  },
  inputs: ['prompt'],
  parameters: {
    regions: {
      kind: 'regions',
      title: 'Regions',
      description:
        'Two or more parts A, B, C of the picture or the text. Empty: the left and right half of the picture, or the two halves of the text.',
      least: 2,
      most: mostRegions,
      default: '',
    },
    isolate: field.choice(
      'Kept apart',
      'Both ways: no region reads another. One way: A does not read the others, and they read it as before.',
      { options: ['both-ways', 'one-way', 'off'], default: 'both-ways' },
    ),
    beta: field.number(
      'Subtracted from the scores',
      `Between two regions that are kept apart, before softmax; ${largestIsolation} cuts them off from each other.`,
      { min: 0, max: largestIsolation, default: largestIsolation },
    ),
    heads: field.heads('Heads', 'In which the regions are kept apart. Empty: all.'),
    reposition: field.flag(
      'Move A to B',
      'Also puts the keys and values of A, resized by nearest neighbours, at the place of B, and measures how much more of A is read there. Both are one rectangle of patches, or one range of tokens.',
      false,
    ),
    layers: field.text('Layers of the move', 'In which keys and values are moved, separated by commas. Empty: all.'),
  },
  result: regionAttentionResult,
  supports: () => ({ ok: true }),
  estimate(facts, { prompts: [prompt] }, { reposition }) {
    const rows = prompt?.ids.length ?? 0;
    const keys = facts.blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim, 0);
    return {
      passes: 2 * passesOfMaps(facts) + (reposition ? 3 : 2),
      bytes: mapBytes(facts, rows) + 8 * rows * (facts.hiddenSize + 3 * mostRegions + (reposition ? keys : 0)),
    };
  },
  run: regionAttentionRun,
  ask,
  finding,
  sections,
  offers,
};

function offers({ change }: RegionAttentionResult): readonly Offer[] {
  const interventions = change.flatMap((text) => {
    const read = parseDo(text);
    return read.ok ? [read.value] : [];
  });
  if (interventions.length === 0) return [];
  const words = interventions.map((one) => kindOf(one).sentence(one));
  const kinds = interventions.map(({ kind }) => (kind === 'isolate' ? 'kept apart' : 'A moved to B'));
  return [{ title: `Regions ${kinds.join(', ')}`, description: words.join(' '), interventions }];
}
