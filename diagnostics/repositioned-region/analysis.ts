/** The analysis `repositioned-region`: how much more of a region is read when its keys and values stand where it is read from. */
import { parseDo, printDo } from '../../protocol/interventions/do-form';
import type { Reposition } from '../../protocol/interventions/reposition';
import type { Analysis, AnalysisJob, Step } from '../analysis';
import { refusal } from '../effects/subjects';
import { layerMaps, mapBytes, passesOfMaps, readableKeys } from '../maps/layer-maps';
import { overLayers } from '../maps/over-layers';
import type { ModelRunner, Prompt } from '../model-runner/model-runner';
import { areaOf, patchGrid } from '../model-runner/regions';
import { repositionedResult, type PerHead, type RepositionedResult } from './result';
import { finding, sections } from './sections';

type Parameters = { readonly from: string; readonly to: string; readonly layers: string };

export const repositionedRegion: Analysis<Parameters, RepositionedResult> = {
  id: 'repositioned-region',
  title: 'Repositioned region',
  question: 'How much more of a region is read when it stands where it is read from?',
  group: 'interventions',
  source: {
    reference: 'arXiv:2411.19261 (reposition attention); github.com/hehuiguo/DreamStory',
    trust: 'medium',
    note: 'Published for a reference picture beside the picture that is made; here a part of what the model reads is moved within it, and stays at its old place too.',
  },
  inputs: ['prompt'],
  parameters: {
    from: {
      kind: 'text',
      title: 'Reference',
      description:
        'What is moved: positions (3-9) or rows x columns of image patches (0-3x2-5). Empty: the upper left quarter of the picture, or the first quarter of the text.',
      default: '',
    },
    to: {
      kind: 'text',
      title: 'Target',
      description:
        'Where it goes, in the same form; its tokens are those whose attention is measured. Empty: the lower right quarter of the picture, or the last quarter of the text.',
      default: '',
    },
    layers: {
      kind: 'text',
      title: 'Layers',
      description: 'In which keys and values are moved, separated by commas. Empty: all.',
      default: '',
    },
  },
  result: repositionedResult,
  supports: () => ({ ok: true }),
  estimate(facts, { prompts: [prompt] }) {
    const rows = prompt?.ids.length ?? 0;
    const keys = facts.blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim, 0);
    return { passes: 2 * passesOfMaps(facts) + 1, bytes: 2 * mapBytes(facts, rows) + 8 * rows * keys };
  },
  run: repositions,
  finding,
  sections,
  offers({ from, to, layers }) {
    const read = parseDo(`reposition:${layers}:${from}>${to}`);
    return read.ok
      ? [
          {
            title: `${from} read at ${to}`,
            description: `Puts the keys and values of ${from} in the place of those of ${to} in ${layers === '*' ? 'all layers' : `the layers ${layers}`}, as the run did.`,
            interventions: [read.value],
          },
        ]
      : [];
  },
};

/** The quarters that are taken where none are named. */
function usualPlaces(prompt: Prompt): readonly [from: string, to: string] {
  const ends = (length: number): readonly [string, string] => {
    const quarter = Math.max(1, length >> 1);
    return [`0-${quarter - 1}`, `${length - quarter}-${length - 1}`];
  };
  const grid = patchGrid(prompt);
  if (grid && grid.rows > 1 && grid.columns > 1) {
    const [[top, bottom], [left, right]] = [ends(grid.rows), ends(grid.columns)];
    return [`${top}x${left}`, `${bottom}x${right}`];
  }
  const { length } = prompt.ids;
  const quarter = Math.max(1, length >> 2);
  return [`0-${quarter - 1}`, `${length - quarter}-${length - 1}`];
}

interface Moved {
  readonly intervention: Reposition;
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly written: { readonly from: string; readonly to: string; readonly layers: string };
}

function placesOf(prompt: Prompt, { from, to, layers }: Parameters): Moved {
  const [usualFrom, usualTo] = usualPlaces(prompt);
  const or = (given: string, usual: string): string => (given.trim() === '' ? usual : given.trim());
  const written = { from: or(from, usualFrom), to: or(to, usualTo), layers: or(layers, '*') };
  const read = parseDo(`reposition:${written.layers}:${written.from}>${written.to}`);
  if (!read.ok) throw refusal(read.why);
  if (read.value.kind !== 'reposition') throw new RangeError(`${printDo(read.value)} moves nothing`);
  const [source, target] = [areaOf(prompt, read.value.from), areaOf(prompt, read.value.to)];
  if (!source.ok) throw refusal(source.why);
  if (!target.ok) throw refusal(target.why);
  const [a, b] = [source.value.positions, target.value.positions];
  if (a.some((row) => b.includes(row))) {
    throw refusal(`${written.from} and ${written.to} share positions. Give a target that lies beside the reference.`);
  }
  return { intervention: read.value, from: a, to: b, written };
}

interface Masses {
  readonly before: number;
  readonly moved: number;
  readonly left: number;
}

async function* repositions(
  model: ModelRunner,
  { input, parameters, variant, groups, step }: AnalysisJob<Parameters>,
): AsyncGenerator<Step<RepositionedResult>, RepositionedResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  if (prompt.ids.length < 2) throw refusal('A prompt of one token has no two places. Give a longer one.');
  const { intervention, from, to, written } = placesOf(prompt, parameters);
  const { blocks } = model.facts;
  const sequence = { ...prompt, groups };
  const n = prompt.ids.length;
  const own = (await model.variant([intervention], prompt)).variant;
  const changed = { ...variant, replacements: [...(variant.replacements ?? []), ...(own.replacements ?? [])] };
  const mass = (map: Float32Array, keys: readonly number[]): number =>
    to.reduce((sum, row) => sum + keys.reduce((all, key) => all + (map[row * n + key] ?? 0), 0), 0) / to.length;

  const look = async (layer: number): Promise<readonly Masses[]> => {
    const [plain, after] = [
      await layerMaps(model, sequence, variant, layer),
      await layerMaps(model, sequence, changed, layer),
    ];
    return plain.map((map, head) => {
      const other = after[head] ?? map;
      return { before: mass(map, from), moved: mass(other, to), left: mass(other, from) };
    });
  };
  const even = blocks.map((block) => {
    const shares = to.map((row) => {
      const [first, end] = readableKeys(block, prompt, row);
      return from.filter((key) => key >= first && key < end).length / (end - first);
    });
    return shares.reduce((sum, value) => sum + value, 0) / shares.length;
  });
  return yield* overLayers(blocks.length, step, look, (looked): RepositionedResult => {
    const perHead = (of: (one: Masses, layer: number) => number): PerHead =>
      blocks.map(({ heads }, layer) =>
        Array.from({ length: heads }, (_, head) => {
          const one = looked[layer]?.[head];
          return one ? of(one, layer) : Number.NaN;
        }),
      );
    return {
      ...written,
      tokensFrom: from.length,
      tokensTo: to.length,
      before: perHead(({ before }) => before),
      moved: perHead(({ moved }) => moved),
      left: perHead(({ left }) => left),
      rise: perHead(({ before, moved }) => moved - before),
      even: perHead((_, layer) => even[layer] ?? Number.NaN),
      tokens: prompt.tokens,
      place: prompt.ids.map((_, row) => (from.includes(row) ? 0 : to.includes(row) ? 1 : -1)),
    };
  });
}
