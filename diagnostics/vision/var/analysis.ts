/** The analysis `var`: attention sinks in a picture, heads that look beside them, and their attention redistributed. */
import type { Offer } from '../../../protocol/analysis/schema';
import { regionOf } from '../../../protocol/interventions/regions';
import type { Analysis } from '../../analysis';
import { generatesWith } from '../../shared/captions/support';
import { groupBytes } from '../../shared/maps/layer-groups';
import { compare } from './compare';
import { finding, rangeWords } from './finding';
import { groupsOfLayers, lookedBytes } from './look';
import { lookCloser } from './look-closer';
import { redistribution, settingsOf, varParameters, type VarParameters } from './parameters';
import { varResult, type VarResult } from './result';
import { varRun } from './run';
import { sections } from './sections';
import { whatIsSeen } from './section-parts';

export const visualAttentionSinks: Analysis<VarParameters, VarResult> = {
  id: 'var',
  title: 'Visual attention sinks',
  question: 'Which tokens of a picture are attention sinks, and what changes when their attention goes to the others?',
  group: 'vision',
  source: {
    reference: 'arXiv:2503.03321 (ICLR 2025), sections 3 to 5; github.com/seilk/VisAttnSink',
    trust: 'medium',
    note: 'The paper names the massive dimensions of some models; for others they are found at the first token. tau is scaled for narrow models, and the use of a span of text instead of the picture, and of sinks by attention, are choices of Headscope.',
  },
  inputs: ['prompt'],
  parameters: varParameters,
  result: varResult,
  supports: (model, parameters) => generatesWith(model, () => settingsOf(model, parameters)),
  estimate(facts, { prompts: [prompt] }, { draws, tokens }) {
    const rows = prompt?.ids.length ?? 0;
    const groups = groupsOfLayers(facts, rows);
    const depths = groups.reduce((sum, group) => sum + 1 + Math.max(...group), 0) / facts.blocks.length;
    // Four texts: their prompts, and a token at about a twentieth of a prompt.
    const texts = tokens === 0 ? 0 : 4 * (1 + tokens / 20);
    return { passes: Math.ceil(1 + depths + 3 + draws + texts), bytes: groupBytes(lookedBytes(facts, rows)) };
  },
  run: varRun,
  ask: lookCloser,
  finding,
  sections,
  compare,
  offers,
};

function offers(result: VarResult): readonly Offer[] {
  const { dimensions, region, layers, share, tau, least, ratio } = result;
  const one = redistribution(result, dimensions, region === undefined ? undefined : regionOf(region));
  if (!one) return [];
  const what = whatIsSeen(result);
  return [
    {
      title: `${share} of the attention on sinks moved (VAR)`,
      description: `In the layers ${rangeWords(layers)}, of heads that give the ${what} at least ${least} and of that ${ratio} to tokens that are no sinks; sinks are tokens above ${tau} RMS in the dimensions ${dimensions.join(', ')}.`,
      interventions: [one],
    },
  ];
}
