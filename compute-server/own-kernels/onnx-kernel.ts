/**
 * An ONNX file with its description as a mechanism of the harness: the graph is the file's, and everything that it is held against,
 * its float64 reference above all, is that of the mechanism of the catalogue that the description names. No code of a person runs.
 */
import { createHash } from 'node:crypto';
import { basename, dirname, relative } from 'node:path';
import { catalogue } from '../../kernels/catalogue';
import type { Graph } from '../../kernels/graph/graph';
import type { Mechanism, ParameterValues, Support } from '../../kernels/mechanism';
import type { AttentionShape } from '../../kernels/shape';
import { resolveInside } from '../../models/formats/containment';
import { FileRefused, readRegular } from '../../models/formats/regular-file';
import { resolveTable } from '../../protocol/analysis/parameters';
import { kernelDescription, type KernelDescription } from '../../protocol/inputs/kernel-description';
import { kernelDescriptionEnding } from '../../protocol/inputs/kernel-file';
import { parseJson } from '../../protocol/schema/check';
import { bytesInWords } from '../../protocol/wire/words';
import { KernelFault } from './kernel-link';
import { lawSizes } from './law-sizes';
import { fixedSize, graphOfFile, maskBytes, readOnnx, requireInputs, whyNotShape, type OnnxFile } from './onnx-graph';
import { unsaid, type OwnKernel } from './own-mechanism';

const mostDescriptionBytes = 1e6;
const mostModelBytes = 1e8;
/** A mask is a constant of the graph. */
const mostMaskBytes = 2.56e8;

/** `root`: the folder of the workspace; nothing outside it is read. Throws a KernelFault. */
export async function openOnnxKernel(id: string, file: string, root: string): Promise<OwnKernel> {
  let source = '';
  const fault = (sentence: string, names: readonly string[]): KernelFault =>
    new KernelFault({ sentence, place: { file, line: lineOf(source, names) } });
  const told = <T>(act: () => T, names: readonly string[]): T => {
    try {
      return act();
    } catch (error) {
      if (error instanceof RangeError) throw fault(error.message, names);
      throw error;
    }
  };
  const bytesOf = async (folder: string, name: string, most: number): Promise<Uint8Array> => {
    const found = await resolveInside(folder, name);
    if (!found.ok) {
      throw fault(
        found.code === 'not-found'
          ? `There is no file ${name} in ${folder}.`
          : `${name} leads out of ${folder}, and is not read. Put the file itself there.`,
        ['model'],
      );
    }
    try {
      return await readRegular(found.path, most);
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      const why =
        error.code === 'too-large' ? `is larger than ${bytesInWords(most)}` : `cannot be read: ${error.message}`;
      throw fault(`${name} ${why}. Choose another file.`, ['model']);
    }
  };

  const inRoot = await resolveInside(root, relative(root, file));
  if (!inRoot.ok && inRoot.code !== 'not-found') {
    throw fault(`${basename(file)} lies outside the folder ${root}. Only files of the workspace are run.`, []);
  }
  source = new TextDecoder().decode(await bytesOf(dirname(file), basename(file), mostDescriptionBytes));
  const read = parseJson(kernelDescription, source);
  if (!read.ok) throw fault(read.why, wordsIn(read.why));
  const description = read.result;
  const { model, reference, patterns, layout, heads } = description;
  if (/[/\\\0]/u.test(model) || !model.endsWith('.onnx')) {
    throw fault(
      `"${model.slice(0, 80)}" is no .onnx file beside this one. Put the file into the same folder, and give its name alone.`,
      ['model'],
    );
  }
  if (layout === 'batch tokens width' && heads === undefined) {
    throw fault('The layout "batch tokens width" does not say how many heads there are. Add "heads".', ['layout']);
  }
  const mechanism = catalogue.find((each) => each.id === reference.mechanism);
  if (!mechanism) {
    throw fault(`There is no mechanism "${reference.mechanism}". "headscope mechanisms" lists those that there are.`, [
      'mechanism',
    ]);
  }
  const resolved = resolveTable(mechanism.id, mechanism.parameters, reference.parameters);
  if (!resolved.ok) throw fault(resolved.why, ['parameters', 'reference']);
  const bytes = await bytesOf(dirname(file), model, mostModelBytes);
  const graph = told(() => readOnnx(bytes, model), ['model']);
  const parameters = resolved.values;
  const sizes = unique(lawSizes.map((size) => fixedSize(graph, description, size)));
  const sample: AttentionShape = { pattern: patterns[0] ?? 'causal-self', ...sizes[0]! };
  const weights = told(() => mechanism.weights?.(sample, parameters) ?? [], ['reference']).map(({ name }) => name);
  told(() => requireInputs(graph, description, weights), ['inputs', 'output']);

  return {
    mechanism: kernelOf({ id, file, fault }, graph, description, mechanism, parameters),
    sha256: createHash('sha256').update(source).update(bytes).digest('hex'),
    pattern(shape) {
      const pattern = mechanism.pattern(shape, parameters);
      const { dependsOnFuture = false, dependsOnLength = false, joinsHeads = false, readsQueries = false } = pattern;
      return { ...pattern, dependsOnFuture, dependsOnLength, joinsHeads, readsQueries };
    },
    limits: () => [],
    sizes,
    float32Only: true,
    fault,
    rest: () => Promise.resolve(),
  };
}

interface Named {
  readonly id: string;
  readonly file: string;
  readonly fault: OwnKernel['fault'];
}

/** Parameters stand in the description: the mechanism has none that a run could change. */
function kernelOf(
  { id, file, fault }: Named,
  graph: OnnxFile,
  description: KernelDescription,
  mechanism: Mechanism,
  parameters: ParameterValues,
): Mechanism {
  const supports = (shape: AttentionShape): Support => {
    if (!(description.patterns as readonly string[]).includes(shape.pattern)) {
      return { ok: false, why: `Its description does not name the pattern ${shape.pattern}.` };
    }
    const why = whyNotShape(graph, description, shape);
    if (why !== undefined) return { ok: false, why };
    const support = mechanism.supports(shape, parameters);
    if (!support.ok) return support;
    const mask = maskBytes(graph, description, shape);
    if (mask > mostMaskBytes) {
      return {
        ok: false,
        why: `Its mask takes ${bytesInWords(mask)}, and ${bytesInWords(mostMaskBytes)} are possible.`,
      };
    }
    return { ok: true };
  };
  const build = (shape: AttentionShape, precision: string): Graph => {
    if (precision !== 'float32') throw fault('Its graph is in float32. Choose this precision.', ['model']);
    const pattern = mechanism.pattern(shape, parameters);
    if (description.inputs.mask !== undefined && pattern.dependsOnData) {
      throw fault(`The mask of ${mechanism.id} depends on the data, so it cannot be given to the graph.`, ['mask']);
    }
    return graphOfFile(graph, description, {
      shape,
      weights: mechanism.weights?.(shape, parameters) ?? [],
      reads: (head, query, key) => pattern.reads(head, query, key),
    });
  };
  return {
    id,
    title: description.title ?? basename(file, kernelDescriptionEnding),
    family: mechanism.family,
    summary: `The graph of ${description.model}, held against ${mechanism.title}.`,
    source: { reference: file, trust: 'low', note: 'A file of this workspace.' },
    template: unsaid,
    parameters: {},
    layout: description.layout === 'batch heads tokens width' ? 'heads-first' : 'sequence-first',
    exponent: mechanism.exponent,
    supports,
    ...(mechanism.weights ? { weights: (shape) => mechanism.weights!(shape, parameters) } : {}),
    ...(mechanism.fit ? { fit: (inputs, shape) => mechanism.fit!(inputs, shape, parameters) } : {}),
    reference: (inputs, shape) => mechanism.reference(inputs, shape, parameters),
    ...(mechanism.referenceRows
      ? { referenceRows: (inputs, shape, _, rows) => mechanism.referenceRows!(inputs, shape, parameters, rows) }
      : {}),
    build: (shape, _, precision) => build(shape, precision),
    // What the mechanism takes: a graph that does more is slow, and one that could do less is not faster than the machine.
    cost: (shape) => mechanism.cost(shape, parameters),
    pattern: (shape) => mechanism.pattern(shape, parameters),
    ...(mechanism.chosen
      ? { chosen: (inputs, shape, _, head) => mechanism.chosen!(inputs, shape, parameters, head) }
      : {}),
    ...(mechanism.amplification
      ? { amplification: (inputs, shape) => mechanism.amplification!(inputs, shape, parameters) }
      : {}),
    ...(mechanism.leastDivisor === undefined ? {} : { leastDivisor: mechanism.leastDivisor }),
    limits: [],
  };
}

const unique = <T>(values: readonly T[]): readonly T[] => [
  ...new Map(values.map((each) => [JSON.stringify(each), each])).values(),
];

/** The first line that has one of these keys, from 1. */
function lineOf(source: string, names: readonly string[]): number {
  const lines = source.split('\n');
  for (const name of names) {
    const line = lines.findIndex((text) => text.includes(`"${name}"`));
    if (line >= 0) return line + 1;
  }
  return 1;
}

/** Words of a sentence about a place such as `inputs.query`, the innermost first. */
const wordsIn = (sentence: string): readonly string[] =>
  /^[\w.[\]]+/u
    .exec(sentence)?.[0]
    .split(/[.[\]]+/u)
    .reverse() ?? [];
