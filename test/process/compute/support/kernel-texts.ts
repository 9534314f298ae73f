/** Kernel files that cheat or are bad input, and what must be said of each. */

interface Planted {
  readonly source: string;
  /** In the sentence of the law that does not hold. */
  readonly said: RegExp;
  /** The line that the fault names, from 1; left out: that of the file's first line. */
  readonly line?: number;
}

/** A whole mechanism around a body of `build`. */
const built = (title: string, build: string, more = ''): string => `import * as h from 'headscope';
${more}
export default {
  ...h.scaledDotProduct,
  title: '${title}',
  build: (shape: h.AttentionShape, parameters: never, precision: h.Precision) => {
${build}
  },
};
`;

/** Numbers of the given tensor as the output, whatever is asked. */
const constantOutput = `    const builder = new h.GraphBuilder('folded');
    const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
    builder.input('query', precision, [batch, heads, queries, headDim]);
    builder.input('key', precision, [batch, kvHeads, keys, headDim]);
    builder.input('value', precision, [batch, kvHeads, keys, valueDim]);
    const numbers = known(shape);
    builder.output(builder.constant(precision, [batch, heads, queries, valueDim], numbers, 'known'), 'output');
    return builder.finish();`;

export const cheats: Readonly<Record<string, Planted>> = {
  'answers folded from the inputs of a known seed': {
    source: built(
      'Folded',
      constantOutput,
      `const known = (shape: h.AttentionShape) => {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const draw = (name: string, dims: number[]) => h.normalTensor(dims, h.seedFor(0, name));
  return h.scaledDotProduct.reference({ query: draw('query', [batch, heads, queries, headDim]), key: draw('key', [batch, kvHeads, keys, headDim]), value: draw('value', [batch, kvHeads, keys, valueDim]), weights: {} }, shape, {} as never).data;
};`,
    ),
    said: /differs from the float64 reference/,
    line: 10,
  },
  'answers that the reference wrote down': {
    source: `import * as h from 'headscope';
let seen: Float64Array | undefined;
const known = (shape: h.AttentionShape) => seen ?? new Float64Array(shape.batch * shape.heads * shape.queries * shape.valueDim);
export default {
  ...h.scaledDotProduct,
  title: 'Remembered',
  referenceRows: undefined,
  reference: (inputs: h.AttentionInputs, shape: h.AttentionShape) => {
    const made = h.scaledDotProduct.reference(inputs, shape, {} as never);
    seen = made.data;
    return made;
  },
  build: (shape: h.AttentionShape, parameters: never, precision: h.Precision) => {
${constantOutput}
  },
};
`,
    said: /differs from the float64 reference/,
    line: 13,
  },
  'rows that are left out': {
    source: built(
      'Half',
      `    return h.attentionGraph('half', shape, precision, 'heads-first', ({ query, key, value }, seen) => {
      const half = Math.ceil(seen.queries / 2);
      const scores = h.multiply(h.matmul(h.slice(query, 2, 0, half), h.transpose(key, [0, 1, 3, 2])), shape.headDim ** -0.5);
      return h.pad(h.matmul(h.softmax(scores, -1), value), 2, 0, seen.queries - half);
    });`,
    ),
    said: /differs from the float64 reference/,
    line: 6,
  },
  'a tolerance of its own': {
    source: built(
      'Loose',
      `    return h.attentionGraph('loose', shape, precision, 'heads-first', ({ query }) => h.multiply(query, 0));`,
    ).replace(
      "title: 'Loose',",
      "title: 'Loose', amplification: () => 1e12, leastDivisor: 1e-30, chosen: () => () => true,",
    ),
    said: /differs from the float64 reference/,
    line: 6,
  },
  'functions of the language that compare nothing': {
    source: built(
      'Patched',
      `    return h.attentionGraph('patched', shape, precision, 'heads-first', ({ query }) => h.multiply(query, 0));`,
      `Math.abs = () => 0; Number.isNaN = () => false; Float64Array.prototype.every = () => true;`,
    ),
    said: /differs from the float64 reference/,
    line: 6,
  },
  'a reference that reads the future as the graph does': {
    source: `import * as h from 'headscope';
const open = (shape: h.AttentionShape): h.AttentionShape => ({ ...shape, pattern: 'noncausal-self' });
export default {
  title: 'Peeks',
  supports: (shape: h.AttentionShape) => shape.pattern === 'causal-self' ? { ok: true } : { ok: false, why: 'Causal self-attention alone is written here.' },
  reference: (inputs: h.AttentionInputs, shape: h.AttentionShape) => h.scaledDotProduct.reference(inputs, open(shape), {}),
  build: (shape: h.AttentionShape, parameters: never, precision: h.Precision) => h.scaledDotProduct.build(open(shape), {}, precision),
};
`,
    said: /when only later positions change/,
    line: 7,
  },
  'a pattern that names fewer keys than are read': {
    source: `import * as h from 'headscope';
export default {
  ...h.scaledDotProduct,
  title: 'Modest',
  pattern: () => ({ dependsOnData: false, reads: (head: number, query: number, key: number) => key === 0 }),
};
`,
    said: /which its pattern does not read/,
    line: 5,
  },
  'numbers of a file of this machine': {
    source: built(
      'Outside',
      `    const builder = new h.GraphBuilder('outside');
    const { batch, heads, queries, valueDim } = shape;
    const size = batch * heads * queries * valueDim;
    builder.output(builder.external('w', 'float32', [batch, heads, queries, valueDim], { location: '../secret', offset: 0, length: size * 4 }), 'output');
    return builder.finish();`,
    ),
    said: /lies in another file/,
    line: 6,
  },
  'a draw in place of a computation': {
    source: built(
      'Random',
      `    const builder = new h.GraphBuilder('random');
    const query = builder.input('query', precision, [shape.batch, shape.heads, shape.queries, shape.headDim]);
    builder.output(builder.node('RandomNormalLike', [query], [{ type: precision, shape: query.shape }])[0], 'output');
    return builder.finish();`,
    ),
    said: /draws numbers/,
    line: 6,
  },
  'a graph that never comes to an end of its constants': {
    source: built(
      'Huge',
      `    return h.attentionGraph('huge', shape, precision, 'heads-first', ({ builder, value }) => {
      let x = h.expand(builder.constant(precision, [1], [0]), [8192, 8192]);
      for (let i = 0; i < 8; i++) x = h.matmul(x, x);
      return h.add(value, h.reduceMax(x, [0, 1], false));
    });`,
    ),
    said: /Its graph does \d+ GFLOP/,
    line: 6,
  },
  'work that goes on beside the timing': {
    source: built(
      'Busy',
      `    void (async () => { for (;;) await undefined; })();
    return h.scaledDotProduct.build(shape, parameters, precision);`,
    ),
    said: /without an answer and was ended/,
    line: 6,
  },
  'clocks of its own': {
    source: built(
      'Clocked',
      `    return h.attentionGraph('clocked', shape, precision, 'heads-first', ({ query }) => h.multiply(query, 0));`,
      `Date.now = () => 0; (globalThis as { performance?: unknown }).performance = { now: () => 0 };`,
    ),
    said: /differs from the float64 reference/,
    line: 6,
  },
};

/** The short form with one more line, the fourth. */
const short = (line: string): string => `import { shortForm } from 'headscope';
export default shortForm({
  title: 'Short',
  ${line}
});
`;

export const badInput: Readonly<Record<string, Planted>> = {
  'syntax that is no TypeScript': { source: 'export default {\n  title: ,\n};\n', said: /cannot be read/, line: 2 },
  'syntax that types cannot be stripped from': {
    source: "\nenum A { x }\nexport default { title: 'x' };\n",
    said: /enum is not supported/,
    line: 2,
  },
  'an await at its top that never comes': {
    source: "await new Promise(() => {});\nexport default { title: 'x' };\n",
    said: /waits at its top level for something that never comes/,
    line: 1,
  },
  'an import while it runs': {
    source: "\nconst fs = import /* late */ ('node:fs');\nexport default { title: 'x', fs };\n",
    said: /It holds "import\(…\)", which is not offered/,
    line: 2,
  },
  'an import of the system': {
    source: "import type { A } from './gone';\nimport { readFileSync } from 'node:fs';\nexport default readFileSync;\n",
    said: /"node:fs" cannot be imported/,
    line: 2,
  },
  'an import of a file outside': {
    source: "import { a } from '../../../outside';\nexport default a;\n",
    said: /was not found beside|lies outside/,
    line: 1,
  },
  'no mechanism': { source: 'export const a = 1;\n', said: /no default export/ },
  'one that throws': {
    source: built('Throws', `    const nothing: { x?: { y: never } } = {};\n    return nothing.x!.y;`),
    said: /Cannot read properties of undefined/,
    line: 8,
  },
  'globals of a process': {
    source: built('Process', `    return (globalThis as { process?: { env: never } }).process!.env;`),
    said: /Cannot read properties of undefined/,
    line: 7,
  },
  'text that is compiled': {
    source: `import { shortForm } from 'headscope';\nconst process = shortForm.constructor('return process')();\nexport default process;\n`,
    said: /Code generation from strings disallowed/,
    line: 2,
  },
  'an output of another shape': {
    source: built(
      'Shape',
      `    return h.scaledDotProduct.build({ ...shape, queries: shape.queries + 1, keys: shape.keys + 1 }, {} as never, precision);`,
    ),
    said: /has the shape \[1, 2, 33, 16\], and \[1, 2, 32, 16\] is asked for/,
    line: 6,
  },
  'a reference of another shape': {
    source: `import * as h from 'headscope';
export default { ...h.scaledDotProduct, title: 'Short', referenceRows: undefined,
  reference: () => h.zeros([1, 2, 3]),
};
`,
    said: /The reference has the shape \[1, 2, 3\]/,
    line: 3,
  },
  NaN: {
    source: `import * as h from 'headscope';
export default { ...h.scaledDotProduct, title: 'NaN', referenceRows: undefined,
  reference: (inputs: h.AttentionInputs, shape: h.AttentionShape) => {
    const made = h.scaledDotProduct.reference(inputs, shape, {});
    made.data[5] = NaN;
    return made;
  },
};
`,
    said: /gives NaN at query 0/,
    line: 3,
  },
  'fifty gigabytes': {
    source: `import { shortForm } from 'headscope';
const all: Float64Array[] = [];
for (let i = 0; i < 500; i++) all.push(new Float64Array(12_500_000).fill(1));
export default shortForm({ title: 'Big' });
`,
    said: /more than 2 GB of memory/,
  },
  'a loop without an end': {
    source: `import { shortForm } from 'headscope';
export default shortForm({
  title: 'Loop',
  maskMod: ({ query }) => {
    for (;;) if (query < -1) return false;
  },
});
`,
    said: /without an answer and was ended/,
    line: 4,
  },
  'operators of the language in scoreMod': {
    source: short(
      'scoreMod: (score, { head, query, key }, m) => m.subtract(score, 2 ** -head * Math.abs(query - key)),',
    ),
    said: /scoreMod uses an operator such as .* m\.multiply\(a, b\) for a \* b/,
    line: 4,
  },
  'a number that is missing in scoreMod': {
    source: short('scoreMod: (score, { nothing }, m) => m.add(score, nothing),'),
    said: /The arithmetic of scoreMod takes values and numbers, and was given undefined/,
    line: 4,
  },
  'a scoreMod that returns nothing': {
    source: short('scoreMod: (score, _, m) => { m.multiply(score, 2); },'),
    said: /scoreMod returned undefined/,
    line: 4,
  },
  'a scoreMod that leaves a query no key': {
    source: short('scoreMod: (score, _, m) => m.whereLess(score, 1e6, -Infinity, score),'),
    said: /^Query 0 of head 0 reads no key after scoreMod/,
    line: 4,
  },
  'an answer of supports that is none': {
    source:
      "import * as h from 'headscope';\nexport default { ...h.scaledDotProduct, title: 'Five',\n  supports: () => 5 };\n",
    said: /supports must return { ok: true } or { ok: false, why: "…" }, and returned 5/,
    line: 3,
  },
};

/** Query 0 reads nothing where it is the first position of its keys. */
export const earlierKeys = short('maskMod: ({ query, key }) => key < query,');

/** A soft cap and a window in the short form, with a file beside it. */
export const shortFormKernel = `import { field, shortForm } from 'headscope';
import { cap } from './cap';

export default shortForm<{ readonly window: number }>({
  title: 'Soft-capped window',
  parameters: { window: field.integer('Window', 'Keys that a query reads.', { min: 1, max: 4096, default: 9 }) },
  maskMod: ({ query, key }, { window }) => Math.abs(query - key) < window,
  scoreMod: (score, { head, query, key }, m) =>
    m.subtract(m.multiply(m.tanh(m.divide(score, cap)), cap), m.multiply(m.power2(m.multiply(head, -1)), m.absolute(m.subtract(query, key)))),
});
`;

/** Right up to 64 positions, and zeros beyond: only the shapes of the laws are computed. */
export const rightWhereChecked = `import * as h from 'headscope';
export default {
  ...h.scaledDotProduct,
  title: 'Checked shapes',
  build: (shape: h.AttentionShape, parameters: never, precision: h.Precision) =>
    shape.queries <= 64
      ? h.scaledDotProduct.build(shape, parameters, precision)
      : h.attentionGraph('nothing', shape, precision, 'heads-first', ({ query }) => h.multiply(query, 0)),
};
`;

/** Products of constants, which the runtime folds away: its graph seems to do a thousand times what it does. */
export const padded = `import * as h from 'headscope';
export default {
  title: 'Padded',
  supports: ({ headDim, valueDim, heads, kvHeads, queries, keys }: h.AttentionShape) =>
    headDim === valueDim && heads === kvHeads && queries === keys ? { ok: true } : { ok: false, why: 'One width and one length.' },
  pattern: () => ({ dependsOnData: false, reads: (head: number, query: number, key: number) => query === key }),
  reference: (inputs: h.AttentionInputs) => inputs.value,
  referenceRows: ({ value }: h.AttentionInputs, shape: h.AttentionShape, parameters: unknown, rows: readonly number[]) =>
    h.rowsOfHeads(value, h.integers(0, shape.heads), rows),
  build: (shape: h.AttentionShape, parameters: unknown, precision: h.Precision) =>
    h.attentionGraph('padded', shape, precision, 'heads-first', ({ builder, value }) => {
      let x = builder.constant(precision, [512, 512], new Float32Array(512 * 512), 'x');
      for (let i = 0; i < 16; i++) x = h.matmul(x, x);
      return h.add(value, h.reshape(h.slice(h.slice(x, 0, 0, 1), 1, 0, 1), [1]));
    }),
};
`;
