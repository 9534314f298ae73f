/** What a result shows: distances and who keeps everything, positions, what plans change, heads alone, overlap of prompts. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { layerChart, positionsSection, spaceWords } from './pictures';
import type { Placed, Space, TaskKvResult } from './result';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<TaskKvResult>): result is TaskKvResult => result.placed !== undefined;

export const sections = (result: Partial<TaskKvResult>): readonly Section[] => {
  if (!isMeasured(result)) return [];
  const all = result.groups
    ? [frequencySection(result), overlapSection(result)]
    : [
        distanceSection(result),
        layerChart(result, widest(result)),
        keptSection(result),
        positionsSection(result),
        plansSection(result),
        aloneSection(result),
      ];
  return all.filter((section) => section !== undefined);
};

const places = (table: readonly (readonly (number | null)[])[]): readonly HeadPlace[] =>
  table.flatMap((row, layer) => row.flatMap((head) => (head === null ? [] : [{ layer, head }])));

const distanceLayers = ({ distance, residual }: Placed, space: Space, over = ''): readonly HeadsLayer[] => {
  const shared = { unit: '', scale: build.ranges.fromZero } as const;
  const definition = (of: string): string =>
    `Euclidean distance of the semantic vector of the head from the mean over the key/value heads of the layer, ${of}${over}`;
  const inHead: HeadsLayer = {
    ...{ name: 'distance', title: 'Distance, head coordinates', ...shared, values: distance },
    definition: definition(
      'vector: sum over the top keys of C[j] V[j], where C[j] is the mean weight of key j over the observation window',
    ),
  };
  const inStream: HeadsLayer = {
    ...{ name: 'residual', title: 'Distance, residual space', ...shared, values: residual },
    definition: definition(
      'vector: sum over the query heads of the group of W_O times the sum over the top keys of C[j] V[j]',
    ),
  };
  return space === 'residual' ? [inStream, inHead] : [inHead, inStream];
};

function distanceSection({ placed, space, window, top, tokens }: TaskKvResult): HeadsSection | undefined {
  if (!placed) return undefined;
  const far = places(placed.far);
  const nearest = places(placed.nearest.map((head) => [head]));
  return build.heads(
    'distance',
    'How far heads lie from the centre of their layer',
    `From the last ${window} queries of ${tokens} tokens and the ${top} keys that they read most. Heads are parted by distances ${spaceWords(space)}: the plan follows the first map. Distances of one layer compare, those of two layers do not.`,
    distanceLayers(placed, space),
    {
      cell: 'key/value head',
      ask: 'Show the heads of its layer',
      classes: [
        build.headClass('far', 'far', 'among the farthest of its layer: it keeps the whole prompt', far),
        build.headClass(
          'nearest',
          'nearest',
          'nearest to the centre of its layer: it keeps the whole prompt for what the heads have in common',
          nearest,
        ),
      ].filter(({ heads }) => heads.length > 0),
      marked: [...far, ...nearest],
    },
  );
}

/** The layer whose farthest head stands out most: largest distance over the mean distance. */
function widest({ placed, space }: TaskKvResult): number {
  const table = (space === 'residual' ? placed?.residual : placed?.distance) ?? [];
  const spread = table.map((row) => (Math.max(...row) * row.length) / row.reduce((sum, value) => sum + value, 0) || 0);
  return spread.indexOf(Math.max(...spread));
}

function keptSection({ kept, middle, tokens, budget, smallest, tooSmall }: TaskKvResult): HeadsSection | undefined {
  if (!kept || !middle) return undefined;
  const over =
    tooSmall && tooSmall.length > 0
      ? ` The budget of ${threeDigits(100 * budget)} % is too small for the sinks and recent positions of ${tooSmall.length} of ${kept.length} layers. They are kept anyway: together with the whole heads they take ${threeDigits(100 * (smallest ?? 0))} % of all layers.`
      : '';
  return build.heads(
    'kept',
    'Positions that heads keep',
    `Positions kept of the ${tokens} tokens of this prompt; everything after the prompt is kept too.${over}`,
    [
      {
        ...{ name: 'kept', title: 'Kept', unit: 'tokens', scale: { kind: 'sequential', min: 0, max: tokens } },
        definition: 'positions of the prompt that the head keeps',
        values: kept,
      },
      {
        ...{ name: 'middle', title: 'Middle activations', unit: 'tokens', scale: build.ranges.fromZero },
        definition:
          'of them those between sinks and recents, with the largest mean weight over the observation window, averaged over neighbours; 0 for a head that keeps everything',
        values: middle,
      },
    ],
    { cell: 'key/value head', ask: 'Show the positions that it keeps' },
  );
}

function plansSection({ effects, random, measured }: TaskKvResult): Section | undefined {
  if (!effects || !measured) return undefined;
  const [least, most] = [Math.min(...(random ?? [])), Math.max(...(random ?? []))];
  const drawn =
    random && random.length > 1
      ? ` The random heads are a mean of ${random.length} draws (divergence ${threeDigits(least)} to ${threeDigits(most)}).`
      : '';
  const behind =
    measured.from === 'model'
      ? 'what the model writes behind the prompt with the full cache'
      : 'the text that was given';
  return build.table(
    'plans',
    'What plans change',
    `On ${measured.tokens} tokens of ${behind}. The prompt is read in full and compressed at its end. Plans without a file keep about as many positions in each layer.${drawn}`,
    effects,
    [
      build.text('plan', 'Plan', ({ title }) => title),
      {
        ...build.number('bytes', 'Bytes', 'of keys and values at the end of the prompt, 4 bytes a number', 'bytes'),
        digits: 9,
        cell: ({ bytes }) => bytes,
      },
      build.number('share', 'Share', 'of the bytes of the full cache'),
      build.number(
        'divergence',
        'Divergence',
        'KL(full cache | plan) of the next token, mean over the queries behind the prompt',
        'nats',
      ),
      build.number(
        'nll',
        'Loss',
        'mean over the same queries of -ln p of the token of the continuation that follows',
        'nats/token',
      ),
    ],
  );
}

function aloneSection({ keptOnly, measured }: TaskKvResult): Section | undefined {
  if (!keptOnly || !measured) return undefined;
  const { heads, plain, far, near } = keptOnly;
  const points = (values: readonly number[]) => values.map((y, x) => ({ x, y }));
  const layers = far.length;
  return build.chart(
    'alone',
    'One layer with few of its heads',
    `The layer keeps only its ${counted(heads, 'farthest key/value head', 'farthest key/value heads')} or as many nearest (at most half of them), without any change of the cache; the others put out nothing. Mean of -ln p over the continuation.`,
    build.categoryAxis(
      'layer',
      far.map((_, layer) => `${layer}`),
    ),
    build.axis('loss', 'nats/token'),
    [build.line('far', 'far heads alone', points(far)), build.line('near', 'near heads alone', points(near))],
    {
      empty: 'No layer has two key/value heads.',
      references: [{ label: 'all heads', from: [0, plain], to: [Math.max(1, layers - 1), plain] }],
    },
  );
}

function frequencySection({ frequency = [], placed, groups = [], space }: TaskKvResult): HeadsSection | undefined {
  const [first] = groups;
  if (!placed || !first) return undefined;
  return build.heads(
    'frequency',
    `Heads that keep everything on prompts of ${first.title}`,
    `${first.prompts} prompts. Heads are parted by distances ${spaceWords(space)}.`,
    [
      {
        ...{ name: 'frequency', title: 'Prompts', unit: '', scale: build.ranges.share },
        definition: 'share of the prompts on which the head is among those that keep everything',
        values: frequency,
      },
      ...distanceLayers(placed, space, '; mean over the prompts'),
    ],
    {
      cell: 'key/value head',
      classes: [
        build.headClass(
          'far',
          'mostly whole',
          'it keeps everything on at least half of the prompts',
          places(placed.far),
        ),
      ],
      marked: places(placed.far),
    },
  );
}

function overlapSection({ groups = [], overlap = [], chance = Number.NaN }: TaskKvResult): Section {
  const labels = groups.map(({ title, prompts }) => `${title} (${prompts})`);
  return {
    kind: 'map',
    id: 'overlap',
    title: 'Heads in common between tasks',
    caption: `Two random sets of these sizes have ${threeDigits(chance)} in common. On the diagonal: two prompts of one task.`,
    unit: '',
    definition:
      'share of the heads that keep everything on one prompt which also do on another, over the layers in which not all do; mean over pairs of prompts',
    scale: build.ranges.share,
    rows: { title: 'task', labels, named: true },
    columns: { title: 'task', labels, named: true },
    values: overlap,
  };
}
