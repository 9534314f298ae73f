/** What is typed into the simulator of neighborhood attention, and what it means. */
import {
  largestAxis,
  type NeighborhoodAxis,
  type NeighborhoodRequest,
  type NeighborhoodTiling,
} from '../../../protocol/compute/neighborhood';
import { count } from '../../ui/numbers';

/** As typed: sizes by axis, outermost first, `30 x 48 x 80`. */
export interface NeighborhoodForm {
  readonly size: string;
  readonly window: string;
  readonly stride: string;
  readonly dilation: string;
  readonly queryTile: string;
  readonly keyTile: string;
  readonly tiling: NeighborhoodTiling;
  /** By axis, outermost first; absent: not. */
  readonly causal: readonly boolean[];
  readonly share: string;
  readonly steps: string;
  /** Which query tile is drawn, as a share of all of them (0..1), so that another shape keeps it in place. */
  readonly at: number;
}

/** A picture of 128 x 128 patches with windows of 16 x 16. */
const initialNeighborhood: NeighborhoodForm = {
  size: '128 x 128',
  window: '16 x 16',
  stride: '1 x 1',
  dilation: '1 x 1',
  queryTile: '16 x 16',
  keyTile: '16 x 8',
  tiling: 'static',
  causal: [],
  share: '0.6',
  steps: '1',
  at: 0.5,
};

/** What was typed; a form that an earlier version kept lacks some of it. */
export const typedNeighborhood = (kept: Partial<NeighborhoodForm> | undefined): NeighborhoodForm => ({
  ...initialNeighborhood,
  ...kept,
});

/** What is typed for each axis, with its title and what it means. */
export const fields = [
  ['size', 'Feature map', 'Positions along each axis, one to three, outermost first.'],
  ['window', 'Window', 'Keys of a query along each axis.'],
  [
    'stride',
    'Stride',
    'Queries along each axis that share a window; 1 slides, the window itself is blocked attention.',
  ],
  ['dilation', 'Dilation', 'Steps between the keys of a window.'],
  ['queryTile', 'Query tile', 'Queries that the kernel computes together; one number where the map is flattened.'],
  ['keyTile', 'Key tile', 'Keys that the kernel reads together; one number where the map is flattened.'],
] as const satisfies readonly (readonly [keyof NeighborhoodForm, string, string])[];

type NumberField = (typeof fields)[number][0];
type Problems = Partial<Record<NumberField | 'share' | 'steps', string>>;

type Reading =
  | { readonly ok: true; readonly request: NeighborhoodRequest }
  | { readonly ok: false; readonly problems: Problems };

/** The axes of the form, or what is wrong with each field. */
export function readNeighborhood(form: NeighborhoodForm): Reading {
  const lists: Readonly<Record<NumberField, readonly number[]>> = {
    size: numbersOf(form.size),
    window: numbersOf(form.window),
    stride: numbersOf(form.stride),
    dilation: numbersOf(form.dilation),
    queryTile: tileOf(form.queryTile, form),
    keyTile: tileOf(form.keyTile, form),
  };
  const problems: Problems = {};
  const rank = lists.size.length;
  for (const [name, title] of fields) {
    if (lists[name].some((each) => !Number.isInteger(each) || each < 1 || each > largestAxis)) {
      problems[name] = `${title} takes whole numbers from 1 to ${count(largestAxis)}, such as 30 x 48 x 80.`;
    } else if (lists[name].length !== rank) {
      problems[name] = `${title} needs a number for each of the ${rank} axes of the feature map.`;
    }
  }
  if (rank > 3) problems.size = 'A feature map has one to three axes.';
  const [share, steps] = [shareOf(form.share), shareOf(form.steps)];
  if (share === undefined) problems.share = 'A share is a number from 0 to 1.';
  if (steps === undefined) problems.steps = 'A share is a number from 0 to 1.';
  if (Object.keys(problems).length > 0 || share === undefined || steps === undefined) return { ok: false, problems };
  const axes = lists.size.map((size, at): NeighborhoodAxis => ({
    size,
    window: lists.window[at] ?? 1,
    stride: lists.stride[at] ?? 1,
    dilation: lists.dilation[at] ?? 1,
    queryTile: lists.queryTile[at] ?? 1,
    keyTile: lists.keyTile[at] ?? 1,
    causal: form.causal[at] ?? false,
  }));
  if (axes.some(({ dilation, size }) => dilation > size))
    problems.dilation = 'A dilation is at most the length of its axis.';
  else if (axes.some(({ window, size, dilation }) => window > Math.floor(size / dilation))) {
    problems.window = 'A window can be at most the size of the feature map divided by the dilation.';
  } else if (axes.some(({ stride, window }) => stride > window)) problems.stride = 'A stride is at most its window.';
  if (Object.keys(problems).length > 0) return { ok: false, problems };
  return { ok: true, request: { axes, tiling: form.tiling, attentionShare: share, sparseSteps: steps } };
}

/** In a flattened map one number is the tile of the line: that of the last axis. */
function tileOf(text: string, { size, tiling }: NeighborhoodForm): number[] {
  const numbers = numbersOf(text);
  return tiling === 'flattened' && numbers.length === 1
    ? [...new Array<number>(Math.max(0, numbersOf(size).length - 1)).fill(1), ...numbers]
    : numbers;
}

function shareOf(text: string): number | undefined {
  const share = Number(text);
  return share >= 0 && share <= 1 && text.trim() !== '' ? share : undefined;
}

const numbersOf = (text: string): number[] =>
  text
    .split(/[x×,\s]+/i)
    .filter((part) => part !== '')
    .map(Number);
