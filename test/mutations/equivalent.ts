/** Planted errors that change nothing, each with its reason. */
import type { Mutant } from './instrument';

interface Equivalent {
  /** Below the root. */
  readonly file: string;
  /** The line, and what is put there on which text of it. */
  readonly line: string;
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

const leader = 'const leader = Math.min(first + Math.floor(stride / 2), n - 1);';
const circle = 'if (square > 0 && square < 1) {';
const shifted = 'The next line shifts the window inside the axis, wherever its leader lies beyond.';

const equivalents: readonly Equivalent[] = [
  {
    file: 'diagnostics/vision/concept-heads/shares.ts',
    line: 'const own = scores[at] ?? new Float64Array(0);',
    before: '0',
    after: '1',
    reason: 'Every text has scores, and the sum of squares of one 0 is that of none.',
  },
  {
    file: 'diagnostics/circuits/factual-recall/regression.ts',
    line: 'for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);',
    before: 'i < a.length',
    after: 'i <= a.length',
    reason: 'Beyond the end of a there is a 0, whose product is added.',
  },
  {
    file: 'diagnostics/shared/labelled-heads/controls.ts',
    line: 'one.logits.map((logit, at) => logit - (bias.get(labels[at] ?? -1) ?? 0)),',
    before: '0',
    after: '1',
    reason: 'Each logit is of a label, and a question with a label that has no bias is given back before.',
  },
  { file: 'kernels/mechanisms/gna/axis.ts', line: leader, before: '1', after: '0', reason: shifted },
  { file: 'kernels/mechanisms/gna/axis.ts', line: leader, before: 'n - 1', after: 'n + 1', reason: shifted },
  {
    file: 'kernels/mechanisms/gna/axis.ts',
    line: 'const position = Math.floor(key / axis.dilation);',
    before: 'Math.floor(key / axis.dilation)',
    after: '(key / axis.dilation)',
    reason: 'A part of one more is compared with whole ends of an interval.',
  },
  {
    file: 'kernels/mechanisms/gna/gna.ts',
    line: 'let divisor = Math.ceil(wanted - 1e-9);',
    before: '1e-9',
    after: '(2 * 1e-9)',
    reason: 'Any number above the rounding of a root and below the distance of two divisors does.',
  },
  {
    file: 'kernels/mechanisms/gna/gna.ts',
    line: 'if (query + offset < 0) return false;',
    before: '0',
    after: '(-1)',
    reason: 'The window that ends with position -1 is empty.',
  },
  {
    file: 'kernels/mechanisms/s2-attention/pattern.ts',
    line: 'return (left + right) % pattern.verticalStride === 0;',
    before: 'left + right',
    after: 'left - right',
    reason: 'One of the two is 0, and whether a remainder is 0 does not depend on the sign.',
  },
  {
    file: 'kernels/mechanisms/longheads/longheads.ts',
    line: 'chunks: Math.floor(budget / chunk),',
    before: 'Math.floor(budget / chunk)',
    after: '(budget / chunk)',
    reason: 'Budgets that are no whole chunks are refused.',
  },
  {
    file: 'kernels/mechanisms/streaming/elastic-span.ts',
    line: 'return Math.ceil(Math.max(wanted, 128) / block) * block;',
    before: '128',
    after: '127',
    reason: 'It is brought to whole blocks of 64.',
  },
  {
    file: 'kernels/mechanisms/streaming/spans.ts',
    line: 'export const fullSpan: HeadSpan = { sinks: 0, recent: Number.POSITIVE_INFINITY };',
    before: '0',
    after: '1',
    reason: 'Every key is among the recent ones.',
  },
  {
    file: 'kernels/mechanisms/streaming/spans.ts',
    line: 'const name = [span.sinks, span.recent, span.compensated ?? false].join();',
    before: '[span.sinks, span.recent, span.compensated ?? false]',
    after: '[span.recent, span.sinks, span.compensated ?? false]',
    reason: 'A name by which equal spans are found.',
  },
  {
    file: 'kernels/mechanisms/streaming/decode.ts',
    line: 'dropped: span.compensated ? droppedKeys(span, position) : 0,',
    before: '0',
    after: '(-1)',
    reason: 'Of a span that is not compensated it is asked only whether it is more than 0.',
  },
  {
    file: 'kernels/tensors/random.ts',
    line: circle,
    before: 'square > 0',
    after: 'square >= 0',
    reason: 'One point of 2^106 is the centre.',
  },
  {
    file: 'kernels/tensors/random.ts',
    line: circle,
    before: '0',
    after: '(-1)',
    reason: 'One point of 2^106 is the centre.',
  },
  {
    file: 'kernels/tensors/random.ts',
    line: 'for (let i = 0; i < data.length; i++) data[i] = Math.fround(deviation * source.normal());',
    before: 'i < data.length',
    after: 'i <= data.length',
    reason: 'Nothing is written beyond the end of a typed array, and the source is used for nothing else.',
  },
  {
    file: 'kernels/tensors/random.ts',
    line: circle,
    before: 'square < 1',
    after: 'square <= 1',
    reason: 'Points on the circle itself, four of 2^106 or so, would do as well.',
  },
  {
    file: 'language-server/service/rules/graphs.ts',
    line: "if (typeof layers === 'number' && cachedLayers > layers) {",
    before: 'cachedLayers > layers',
    after: 'cachedLayers >= layers',
    reason: 'Equal counts are compared and found equal.',
  },
  {
    file: 'language-server/service/rules/layers-in-weights.ts',
    line: 'const missing = Array.from({ length: Math.max(0, count.expected) }, (_, index) => index).filter(',
    before: '0',
    after: '(-1)',
    reason: 'An array of a negative length is empty (ECMAScript, ToLength).',
  },
  {
    file: 'language-server/service/rules/tensors.ts',
    line: 'const sample = wanted.slice(0, 200);',
    before: '200',
    after: '201',
    reason: 'A sample that only has to be large enough to tell layouts apart.',
  },
  {
    file: 'models/formats/estimates/serving/matrices.ts',
    line: 'const elements = part.hiddenSize * (part.vocabularySize ?? 0);',
    before: '0',
    after: '1',
    reason: 'A head that is tied is there only where the vocabulary has a size.',
  },
  {
    file: 'models/formats/estimates/serving/operators.ts',
    line: 'const unit = { cache: 1, state: bytes.state / bytes.cache, activation: 0 };',
    before: '0',
    after: '(-1)',
    reason: 'The bytes of the cache alone are taken, and activations have no part in them.',
  },
  {
    file: 'models/formats/estimates/serving/matrices.ts',
    line: 'const both = a.multiplied > 0 && b.multiplied > 0;',
    before: 'a.multiplied > 0',
    after: 'a.multiplied >= 0',
    reason: 'Of a matrix and its bias the matrix comes first.',
  },
  {
    file: 'diagnostics/retrieval/retrieval-head/needle-test.ts',
    line: 'const sampling = { temperature: 0, topP: 1, seed: 0 };',
    before: '1',
    after: '0',
    reason: 'At temperature 0 the largest logit is taken, whatever topP is.',
  },
  {
    file: 'diagnostics/plans/plan-evaluation/analysis.ts',
    line: "{ random, budgets, sinks: 0, seed: 0, mode: 'spans' },",
    before: '0',
    after: '1',
    reason: 'Plans are only counted here, and neither sinks nor the seed change their number.',
  },
];

/** Lists of which every entry is asked: their order changes nothing. By file and name. */
const unordered: ReadonlySet<string> = new Set([
  'language-server/service/rules/catalogue.ts rules',
  'language-server/service/rules/names.ts twins',
]);
const isList = (text: string): boolean => text.startsWith('[');

export const reasonOf = ({ place, text, before, after }: Mutant): string | undefined =>
  isList(before) && isList(after) && unordered.has(`${place.file} ${place.name}`)
    ? 'Every entry of the list is asked.'
    : equivalents.find(
        (each) => place.file === each.file && each.line === text && each.before === before && each.after === after,
      )?.reason;

/** Entries of these files that are about no error: their line has changed. */
export const outdated = (mutants: readonly Mutant[], isOwn: (file: string) => boolean): readonly string[] =>
  equivalents
    .filter(
      (each) =>
        isOwn(each.file) && !mutants.some((mutant) => mutant.text === each.line && mutant.before === each.before),
    )
    .map(({ file, line }) => `${file}: ${line}`);
