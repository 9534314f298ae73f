/** The analysis `position-preference`: how much each head prefers what is near among keys of the same content. */
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { overLayers } from '../../shared/maps/over-layers';
import { layerMaps, mapBytes, passesOfMaps, readableKeys } from '../../shared/maps/layer-maps';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { patchGrid } from '../../model-runner/regions';
import type { Sequence } from '../../model-runner/sequence';
import { binOf, groupsOfPatches, groupsOfText, preferenceOf, type Group, type Preference } from './preference';
import { positionPreferenceResult, type PositionPreferenceResult } from './result';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

type Parameters = { readonly copies: number };

export const positionPreference: Analysis<Parameters, PositionPreferenceResult> = {
  id: 'position-preference',
  title: 'Position preference',
  question: 'How much does each head prefer what is near, the content being the same?',
  group: 'patterns',
  source: {
    reference: 'arXiv:2411.19261, section 3 (attention prefers nearby positions)',
    trust: 'medium',
    note: 'The paper shows it on mean maps. Matching by token in a repeated prompt, the slope and its share are choices of Headscope.',
  },
  inputs: ['prompt'],
  readsMaps: true,
  parameters: {
    copies: field.integer(
      'Copies',
      'How often the text is read one behind the other, so that each of its tokens stands at several distances. A prompt with a picture is read once.',
      { min: 1, max: 16, default: 4 },
    ),
  },
  result: positionPreferenceResult,
  supports: () => ({ ok: true }),
  estimate(facts, { prompts: [prompt] }, { copies }) {
    const rows = prompt ? inputOf(facts, prompt, copies).sequence.ids.length : 0;
    return { passes: passesOfMaps(facts), bytes: mapBytes(facts, rows) + 24 * rows ** 2 };
  },
  run: preferences,
  finding,
  sections,
};

interface Input {
  readonly sequence: Sequence;
  readonly copies: number;
  /** Rows of patches and their columns, of a picture alone. */
  readonly patches?: { readonly at: readonly number[]; readonly columns: number };
  /** The first query. */
  readonly first: number;
}

/** A picture alone by its patches; a text as often as the context allows; else the prompt as it is. */
function inputOf(facts: ModelRunner['facts'], prompt: Prompt, copies: number): Input {
  const grid = patchGrid(prompt);
  if (grid && !facts.summary.causal) return { sequence: prompt, copies: 1, patches: grid, first: 0 };
  const { ids, prefix, image, positions } = prompt;
  const plain = !image && !positions && prefix === undefined;
  const lead = ids[0] === facts.bosId && ids.length > 1 ? 1 : 0;
  const body = ids.slice(lead);
  const room = Math.floor(((facts.summary.contextLength ?? Infinity) - lead) / body.length);
  const times = plain ? Math.max(1, Math.min(copies, room)) : 1;
  if (times === 1) return { sequence: prompt, copies: 1, first: 0 };
  const repeated = Array.from({ length: times }, () => body).flat();
  return { sequence: { ids: [...ids.slice(0, lead), ...repeated] }, copies: times, first: lead + body.length };
}

async function* preferences(
  model: ModelRunner,
  { input: given, parameters, variant, groups: keyGroups, step }: AnalysisJob<Parameters>,
): AsyncGenerator<Step<PositionPreferenceResult>, PositionPreferenceResult> {
  const [prompt] = given.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const { blocks } = model.facts;
  const { sequence, copies, patches, first } = inputOf(model.facts, prompt, parameters.copies);
  const n = sequence.ids.length;
  const groupsOf = (layer: number): readonly Group[] => {
    const block = blocks[layer];
    if (patches) return groupsOfPatches(patches.at, patches.columns);
    return groupsOfText(sequence.ids, first, (row) => (block ? readableKeys(block, sequence, row) : [0, 0]));
  };
  const bins = 1 + binOf(n);
  const pairs = groupsOf(0).reduce((sum, { keys }) => sum + keys.length, 0);
  const result = (measured: readonly (readonly Preference[])[]): PositionPreferenceResult => {
    const perHead = <T>(of: (one: Preference | undefined) => T): T[][] =>
      blocks.map(({ heads }, layer) => Array.from({ length: heads }, (_, head) => of(measured[layer]?.[head])));
    return {
      matched: patches ? 'patches' : 'tokens',
      ...{ copies, rows: n, pairs },
      slope: perHead((one) => one?.slope ?? Number.NaN),
      share: perHead((one) => one?.share ?? Number.NaN),
      curves: perHead((one) => one?.curve ?? []),
      zeros: perHead((one) => one?.zeros ?? Number.NaN),
      firstQuery: first,
      distances: Array.from({ length: bins }, (_, bin) => (bin === 0 ? 0 : 2 ** (bin - 1))),
    };
  };
  const look = async (layer: number): Promise<readonly Preference[]> => {
    const groups = groupsOf(layer);
    const maps = await layerMaps(model, { ...sequence, ...(keyGroups ? { groups: keyGroups } : {}) }, variant, layer);
    return maps.map((map) => preferenceOf(map, n, groups, bins));
  };
  return yield* overLayers(blocks.length, step, look, result);
}
