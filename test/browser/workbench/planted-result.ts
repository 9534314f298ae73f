/** A planted vision model: few heads look at the picture, one bursts without it, one word is said by habit. */
import { deflateSync } from 'node:zlib';
import type {
  Caption,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../../../protocol/results/hallucination-schema';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import type { ModelSummary, ImageSpan } from '../../../protocol/schema/parts';
import { crc32 } from '../../../webviews/charts/image';

export const layers = 6;
export const heads = 8;

export const summary: ModelSummary = {
  folder: '/models/planted-vlm',
  name: 'planted-vlm',
  family: 'llava',
  hash: 'ab12cd34',
  layers,
  heads,
  kvHeads: heads,
  headDim: 16,
  hiddenSize: 128,
  vocabulary: 1024,
  contextLength: 256,
  causal: true,
  weightBytes: 8_400_000,
  dtypes: ['F32'],
  windows: Array.from({ length: layers }, () => null),
  tokenizer: true,
  chatTemplate: false,
  vision: {
    family: 'clip_vision',
    layers: 4,
    heads: 4,
    headDim: 16,
    hiddenSize: 64,
    imageSize: 112,
    patchSize: 16,
    imageToken: 7,
    processor: true,
  },
};

export const textOnly: ModelSummary = (({ vision: _vision, ...rest }) => ({
  ...rest,
  folder: '/models/text',
  name: 'text',
  family: 'llama',
}))(summary);

// The picture: a red ball at the top left, a blue box at the bottom right, on a grey ground.

const pixels = { width: 160, height: 112 };

function png(): Uint8Array {
  const { width, height } = pixels;
  const raw = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const ball = (x - 56) ** 2 + (y - 34) ** 2 < 20 ** 2;
      const box = x > 92 && x < 128 && y > 60 && y < 98;
      const colour = ball ? [200, 40, 40] : box ? [40, 80, 200] : [205 - y / 2, 208 - y / 2, 200 - y / 2];
      raw.set(
        colour.map((channel) => Math.round(channel)),
        y * (1 + width * 3) + 1 + x * 3,
      );
    }
  }
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return new Uint8Array(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(raw)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  );
}

const side = 7;
/** The middle square of the picture, as a crop leaves it. */
export const image: ImageSpan = {
  name: 'ball-and-box.png',
  path: '/pictures/ball-and-box.png',
  sha256: 'f'.repeat(64),
  ...pixels,
  start: 3,
  end: 3 + side * side,
  tokens: side * side,
  tiles: [{ x: 24, y: 0, width: 112, height: 112, rows: side, columns: side, first: 0, stride: side }],
};

export const picture = { image, mime: 'image/png', bytes: png() };

/** A tiling model: the whole picture once, its halves again, each row of them ended by a newline token. */
export const tiledPicture = {
  ...picture,
  image: {
    ...image,
    tokens: 16 + 2 * 4 * 5,
    end: 3 + 56,
    tiles: [
      { x: 0, y: 0, width: 160, height: 112, rows: 4, columns: 4, first: 0, stride: 4 },
      { x: 0, y: 0, width: 80, height: 112, rows: 4, columns: 4, first: 16, stride: 5 },
      { x: 80, y: 0, width: 80, height: 112, rows: 4, columns: 4, first: 36, stride: 5 },
    ],
  },
};

/** Repeatable noise in 0..1. */
const noise = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43758.5453;
  return value - Math.floor(value);
};

const table = (of: (layer: number, head: number) => number): number[][] =>
  Array.from({ length: layers }, (_, layer) => Array.from({ length: heads }, (_unused, head) => of(layer, head)));

export const looking = [
  [3, 2],
  [4, 5],
  [5, 1],
] as const;
const isLooking = (layer: number, head: number): boolean => looking.some(([l, h]) => l === layer && h === head);
/** Copies a large value from the first token where the image is gone: a burst, no look. */
export const bursting = { layer: 4, head: 7 };
const bursts = (layer: number, head: number): boolean => layer === bursting.layer && head === bursting.head;

export const vhd = table((layer, head) =>
  isLooking(layer, head) ? 6.5 - layer * 0.6 : bursts(layer, head) ? 5.1 : 0.02 + 0.5 * noise(layer * 31 + head) ** 3,
);
const outlier = table((layer, head) => (bursts(layer, head) ? 1 : 0)).map((row) => row.map((value) => value === 1));
const selected = vhd.map((row, layer) => {
  const kept = row.map((value, head) => (outlier[layer]?.[head] ? 0 : value));
  const middle = kept.toSorted((a, b) => a - b)[Math.floor((heads - 1) / 2)] ?? 0;
  return kept.map((value) => value > middle);
});

const token = (text: string, tVhd: number, at: number): CaptionToken => ({
  id: 100 + at,
  text,
  probability: 0.5 + 0.4 * noise(at + 5),
  tVhd,
  visualAttention: 0.02 * tVhd,
});

const texts = (words: readonly (readonly [string, number])[]): CaptionToken[] =>
  words.map(([text, tVhd], at) => token(text, tVhd, at));

const words = (tokens: readonly CaptionToken[]): string => tokens.map(({ text }) => text).join('');

const plainTokens = texts([
  [' A', 9.2],
  [' red', 15.4],
  [' ba', 17.6],
  ['ll', 11.1],
  [' lies', 8.1],
  [' next', 7.7],
  [' to', 6.2],
  [' a', 7.9],
  [' blue', 14.2],
  [' box', 16.1],
  [' and', 6.6],
  [' a', 4.4],
  [' cat', 3.1],
  ['.', 4.0],
]);

const mention = (text: string, word: string, inTruth?: boolean) => {
  const start = text.indexOf(word);
  return { start, end: start + word.length, word, object: word, ...(inTruth === undefined ? {} : { inTruth }) };
};

export const plain: Caption = {
  reinforcement: null,
  text: words(plainTokens),
  tokens: plainTokens,
  mentions: [
    mention(words(plainTokens), 'ball', true),
    mention(words(plainTokens), 'box', true),
    mention(words(plainTokens), 'cat', false),
  ],
  score: { length: 12, mentions: 3, hallucinated: 1, chairI: 1 / 3, recall: 1 },
};

export const reinforcement: Reinforcement = {
  alpha: 2,
  layers: [1, 3, 4, 5],
  distance: 'l2',
  outliers: 'paper',
  positions: 'contiguous',
  heads: 'selected',
  normMatched: false,
  executor: 'in-graph',
  seed: 0,
};

const reinforcedTokens = texts([
  [' A', 10.2],
  [' red', 18.4],
  [' ba', 21.6],
  ['ll', 14.1],
  [' lies', 9.1],
  [' next', 8.7],
  [' to', 7.2],
  [' a', 8.9],
  [' blue', 17.2],
  [' box', 20.1],
  ['.', 7.6],
]);

export const reinforced: Caption = {
  reinforcement,
  text: words(reinforcedTokens),
  tokens: reinforcedTokens,
  mentions: [mention(words(reinforcedTokens), 'ball', true), mention(words(reinforcedTokens), 'box', true)],
  score: { length: 9, mentions: 2, hallucinated: 0, chairI: 0, recall: 1 },
  reinforced: selected,
};

export const variantOf = (change: Partial<Reinforcement>): Caption => ({
  ...(change.heads === 'random' ? plain : reinforced),
  reinforcement: { ...reinforcement, ...change },
});

export const brokenCaption: Caption = (() => {
  const tokens = texts([...Array.from({ length: 8 }, () => [' ball', 22] as const)]);
  return {
    reinforcement: { ...reinforcement, alpha: 4 },
    text: words(tokens),
    tokens,
    mentions: [],
    score: { length: 8, mentions: 0, hallucinated: 0, chairI: null, recall: 0 },
    broken: 'The text repeats itself: “ball ball ball”. Take a smaller alpha.',
  };
})();

/** Reads the ball with one head, the box with another, the corner (a sink) with all. */
export function plantedMap(step: number, places: readonly { layer: number; head: number }[]): Float32Array {
  const map = new Float32Array(side * side).fill(0.001);
  map[sink] = 0.2;
  for (const { layer, head } of places) {
    const ball = (layer + head + step) % 2 === 1;
    for (const at of ball ? [8, 9, 15, 16] : [32, 33, 39, 40]) map[at] = (map[at] ?? 0) + 0.12 / places.length;
  }
  return map;
}

export const sink = 0;

export const result: HallucinationResult = {
  kind: 'headscope-hallucination',
  version: 1,
  headscope: '0.1.0',
  created: '2026-11-24T18:00:00.000Z',
  device: {
    id: 'cpu',
    provider: 'cpu',
    name: 'Intel Xeon',
    threads: 2,
    runtime: 'onnxruntime-node 1.30.0',
    platform: 'linux-x64',
  },
  settings: { maxNewTokens: 32 },
  seed: 0,
  model: summary,
  prompt: 'USER: <image>\nDescribe the image. ASSISTANT:',
  promptIds: Array.from({ length: 3 + side * side + 6 }, (_, at) => at),
  promptTokens: ['USER', ':', ' ', '\n', 'Describe', ' the', ' image', '.', ' ASSISTANT:'],
  image,
  removed: { kind: 'image' },
  distance: 'l2',
  outliers: 'paper',
  positions: 'contiguous',
  k: 1,
  layers,
  heads,
  vhd,
  textEnergy: table((layer, head) => (bursts(layer, head) ? 40 : 1 + noise(layer * 7 + head))),
  outlier,
  selected,
  visualAttention: table((layer, head) => (isLooking(layer, head) ? 0.7 : 0.2 * noise(layer + head * 3))),
  caption: plain,
  variants: [],
  sinks: { dimensions: [17], threshold: 20, tokens: [{ token: sink, phi: 31.2, layers: [2, 3, 4, 5] }] },
  truth: ['ball', 'box'],
  seconds: 1.84,
};

/** A later step: another head leads. */
export const laterVhd = table((layer, head) => (layer === 2 && head === 6 ? 7.7 : (vhd[layer]?.[head] ?? 0) * 0.5));

// A set.

const scenes = ['ball', 'box', 'lamp', 'chair', 'cup'] as const;

function entry(at: number): DatasetEntry {
  const truth: readonly string[] = [scenes[at % 5] ?? 'ball', scenes[(at + 1) % 5] ?? 'box'];
  const wrong = noise(at + 40) < 0.41;
  const third = wrong ? 'cat' : truth[1];
  const text = ` A ${truth[0]} and a ${third}.`;
  const tokens = text
    .split(/(?= )/)
    .map((word, index) => token(word, (word.startsWith(' cat') ? 7 : 11) + 5 * noise(at * 13 + index), index));
  const mentions = [...new Set([truth[0] ?? '', third ?? ''])].map((word) => mention(text, word, truth.includes(word)));
  const better = text.replace('cat', truth[1] ?? '');
  return {
    name: `scene-${String(at).padStart(3, '0')}.png`,
    truth,
    plain: { reinforcement: null, text, tokens, mentions },
    variants: [
      {
        reinforcement,
        text: better,
        tokens,
        mentions: truth.map((word) => mention(better, word, true)),
      },
    ],
  };
}

export const entries: readonly DatasetEntry[] = Array.from({ length: 300 }, (_, at) => entry(at));

const valuesOf = (inTruth: boolean): number[] =>
  entries.flatMap(({ plain: { tokens, mentions } }) =>
    mentions
      .filter((one) => one.inTruth === inTruth)
      .map(({ word }) => tokens.find(({ text }) => text.trim().startsWith(word))?.tVhd ?? 0),
  );

const histogramOf = (values: readonly number[], from: number, to: number, count: number): number[] => {
  const bins = new Array<number>(count).fill(0);
  for (const value of values) {
    const at = Math.min(count - 1, Math.floor(((value - from) / (to - from)) * count));
    bins[at] = (bins[at] ?? 0) + 1;
  }
  return bins;
};

const [truthful, hallucinated] = [valuesOf(true), valuesOf(false)];
const [low, high] = [Math.min(...truthful, ...hallucinated), Math.max(...truthful, ...hallucinated)];

export const set: HallucinationSet = {
  kind: 'headscope-hallucination-set',
  version: 1,
  headscope: result.headscope,
  created: result.created,
  device: result.device,
  settings: result.settings,
  seed: 0,
  model: summary,
  prompt: result.prompt,
  distance: 'l2',
  outliers: 'paper',
  positions: 'contiguous',
  k: 1,
  entries,
  failures: [{ name: 'torn.png', why: 'The picture does not decode: its data end early. Save it again.' }],
  plain: {
    captions: 300,
    mentions: 600,
    chairS: 0.41,
    chairI: 0.205,
    recall: 0.795,
    precision: 0.795,
    f1: 0.795,
    length: 5.1,
  },
  variants: [
    {
      reinforcement,
      score: {
        captions: 300,
        mentions: 600,
        chairS: 0.32,
        chairI: 0.16,
        recall: 0.84,
        precision: 0.84,
        f1: 0.84,
        length: 5,
      },
      change: {
        pictures: 300,
        onlyPlain: 45,
        onlyReinforced: 18,
        chairS: { difference: -0.09, low: -0.1409, high: -0.0399 },
        chairI: { difference: -0.045, low: -0.0712, high: -0.0188 },
        recall: { difference: 0.045, low: 0.021, high: 0.069 },
      },
    },
    {
      reinforcement: { ...reinforcement, heads: 'random' },
      score: {
        captions: 300,
        mentions: 590,
        chairS: 0.4,
        chairI: 0.2,
        recall: 0.8,
        precision: 0.8,
        f1: 0.8,
        length: 5.2,
      },
      change: {
        pictures: 300,
        onlyPlain: 10,
        onlyReinforced: 7,
        chairS: { difference: -0.01, low: -0.0394, high: 0.0187 },
        chairI: { difference: -0.005, low: -0.0201, high: 0.0101 },
        recall: null,
      },
    },
  ],
  separation: {
    hallucinated,
    truthful,
    histogram: {
      from: low,
      to: high,
      hallucinated: histogramOf(hallucinated, low, high, 20),
      truthful: histogramOf(truthful, low, high, 20),
    },
    auroc: 0.994,
  },
  sample: { count: 301, seed: 0, of: 320 },
  total: 301,
  state: 'done',
  seconds: 94,
};

/** Attention on the picture at the later step: one head looks, the others have turned away. */
export const laterAttention = table((layer, head) => (layer === 2 && head === 6 ? 0.62 : 0.05));

const spanText = ['The', ' lamp', ' in', ' the', ' hall', ' is', ' red', '.', ' The', ' lamp', ' is'];

/** A result of a model of text, whose first sentence was removed. */
export const ofText: HallucinationResult = (({ image: _image, sinks: _sinks, truth: _truth, ...rest }) => ({
  ...rest,
  created: '2026-11-24T18:05:00.000Z',
  model: textOnly,
  prompt: spanText.join(''),
  promptIds: spanText.map((_, at) => at),
  promptTokens: spanText,
  removed: { kind: 'span' as const, start: 1, end: 7 },
  caption: { reinforcement: null, text: ' red', tokens: texts([[' red', 12]]), mentions: [] },
}))(result);

const labels = { total: 7, unknown: 2, names: ['dragon', 'wyvern'] };

/** Its plain caption was cut; its model is too narrow for the rule of sinks; the lexicon lacks two labels. */
export const cutResult: HallucinationResult = {
  ...result,
  caption: { ...plain, stoppedAt: plain.tokens.length },
  variants: [reinforced],
  sinks: {
    notApplicable:
      'Attention sinks cannot be detected: a hidden state of 128 numbers has no activation above 11.3 times its root mean square, and the rule asks for 20, which takes a width of 400.',
    dimensions: [],
    threshold: 20,
    tokens: [],
  },
  truthLabels: labels,
};

const unfinished = [7, 0] as const;
export const cutSet: HallucinationSet = {
  ...set,
  plain: { ...set.plain, unfinished: 12 },
  variants: set.variants.map(({ score, ...rest }, at) => ({
    ...rest,
    score: { ...score, unfinished: unfinished[at] ?? 0 },
  })),
  truthLabels: labels,
};
