/** The analysis `region-isolation`: which heads read between regions of a prompt, and what changes where they cannot. */
import type { Offer } from '../../protocol/analysis/analysis';
import { largestIsolation } from '../../protocol/interventions/isolate';
import { regionsOf } from '../../protocol/interventions/regions';
import { whichHeadsOf } from '../../protocol/interventions/which';
import type { Analysis } from '../analysis';
import { mapBytes, passesOfMaps } from '../maps/layer-maps';
import { regionIsolationResult, type RegionIsolationResult } from './result';
import { regionIsolationRun, type RegionIsolationParameters } from './run';
import { finding, sections } from './sections';

export const regionIsolation: Analysis<RegionIsolationParameters, RegionIsolationResult> = {
  id: 'region-isolation',
  title: 'Isolated regions',
  question: 'Which heads mix parts of a picture or a text, and what changes when the parts are kept apart?',
  group: 'interventions',
  source: {
    reference: 'arXiv:2411.19261 (isolation attention); github.com/hehuiguo/DreamStory',
    trust: 'medium',
    note: 'Published for subjects of a picture that a diffusion model makes; here regions of what a model reads, given by the person. The measures of change are choices of Headscope.',
  },
  inputs: ['prompt'],
  parameters: {
    regions: {
      kind: 'text',
      title: 'Regions',
      description:
        'Two or more, separated by slashes: positions (3-9), rows x columns of image patches (0-3x2-5), joined by commas. Empty: the left and right half of the picture, or the two halves of the text.',
      default: '',
    },
    heads: {
      kind: 'heads',
      title: 'Heads',
      description: 'In which the regions are kept apart. Empty: all.',
      default: '',
    },
    beta: {
      kind: 'number',
      title: 'Subtracted from the scores',
      description: `Between two regions, before softmax; ${largestIsolation} cuts them off from each other.`,
      min: 0,
      max: largestIsolation,
      default: largestIsolation,
    },
  },
  result: regionIsolationResult,
  supports: () => ({ ok: true }),
  estimate(facts, { prompts: [prompt] }) {
    const rows = prompt?.ids.length ?? 0;
    return { passes: 2 * passesOfMaps(facts) + 2, bytes: mapBytes(facts, rows) + 8 * rows * facts.hiddenSize };
  },
  run: regionIsolationRun,
  finding,
  sections,
  offers,
};

function offers({ regions, heads, beta }: RegionIsolationResult): readonly Offer[] {
  const parts = regionsOf(regions.join('/'));
  const which = whichHeadsOf(heads === '' ? '*.*' : heads);
  if (!parts || !which || beta === 0) return [];
  return [
    {
      title: `${regions.join(' / ')} kept apart`,
      description: `Takes ${beta} from the scores between these regions in ${heads === '' ? 'all heads' : 'the heads of this run'}, as the run did.`,
      interventions: [{ kind: 'isolate', heads: which, regions: parts, beta }],
    },
  ];
}
