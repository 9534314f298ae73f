/** Labels and embeddings of an opened model: computed in float64 from the stream that leaves its last layer. */
import type { Readout, ReadoutFacts, ReadoutTarget } from '../../diagnostics/model-runner/readout';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import type { LabelHead } from '../../models/architectures/model-spec';
import type { Variant } from '../../models/instrument/changes/changes';
import { mapWeights, normWeights } from '../model/checkpoint/layer-weights';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import type { EmbeddingHead, EmbeddingModule } from '../model/readout/embedding-files';
import { pooled, pooledSlopes, poolingWords } from '../model/readout/pooling';
import { activationStep, inTurn, mapStep, normStep, unitStep, type Step } from '../model/readout/steps';

/** The stream that leaves the last layer, [n, w], under each variant, one after the other. */
export type LastStreams = (
  sequence: Sequence,
  variants: readonly Variant[],
  read: (stream: Float32Array, variant: number) => void,
) => Promise<void>;

export const readoutFacts = ({ spec: { head }, embedding }: LoadedModel): ReadoutFacts => ({
  ...(head.labels ? { labels: { names: head.labels.names, of: head.labels.of } } : {}),
  ...(embedding ? { embedding: { width: embedding.width, made: madeWords(embedding) } } : {}),
});

const madeWords = ({ modes, modules }: EmbeddingHead): string =>
  [
    modes.map((mode) => poolingWords[mode]).join(' and '),
    ...modules.map((one) => (one.kind === 'dense' ? `a map to ${one.outputs} numbers` : 'normalised')),
  ].join(', ');

/** Undefined where the model has neither. */
export function readoutOf(model: LoadedModel, streams: LastStreams): Readout | undefined {
  const facts = readoutFacts(model);
  // Only the head of the words reads rows that carry more than their hidden numbers.
  if (model.spec.carried || (!facts.labels && !facts.embedding)) return undefined;
  const made = new TextReadout(model, streams);
  return {
    ...facts,
    logits: (sequence, variants) => made.logits(sequence, variants),
    embeddings: (sequence, variants) => made.embeddings(sequence, variants),
    slope: (sequence, variant, target) => made.slope(sequence, variant, target),
  };
}

class TextReadout implements Omit<Readout, keyof ReadoutFacts> {
  private made: Promise<{ readonly row: Step; readonly head: Step; readonly behind: Step }> | undefined;

  constructor(
    private readonly model: LoadedModel,
    private readonly streams: LastStreams,
  ) {}

  async logits(sequence: Sequence, variants: readonly Variant[]): Promise<readonly (readonly Float64Array[])[]> {
    const { row, head } = await this.steps();
    const labels = this.labelHead();
    const found: (readonly Float64Array[])[] = [];
    await this.streams(sequence, variants, (stream, variant) => {
      const rows = this.rowsOf(stream).map((one) => row.forward(one));
      found[variant] = readRows(labels, rows).map((one) => head.forward(one));
    });
    return found;
  }

  async embeddings(sequence: Sequence, variants: readonly Variant[]): Promise<readonly Float64Array[]> {
    const { row, behind } = await this.steps();
    const { modes } = this.pooling();
    const found: Float64Array[] = [];
    await this.streams(sequence, variants, (stream, variant) => {
      const rows = this.rowsOf(stream).map((one) => row.forward(one));
      found[variant] = behind.forward(pooled(rows, modes));
    });
    return found;
  }

  async slope(sequence: Sequence, variant: Variant, target: ReadoutTarget): Promise<Float32Array> {
    const { row, head, behind } = await this.steps();
    const width = this.model.spec.hiddenSize;
    let out = new Float32Array(0);
    await this.streams(sequence, [variant], (stream) => {
      const entering = this.rowsOf(stream);
      const rows = entering.map((one) => row.forward(one));
      const back =
        target.kind === 'labels'
          ? labelSlopes(this.labelHead(), head, rows, target.terms)
          : similaritySlopes(this.pooling(), behind, rows, target.other);
      out = new Float32Array(stream.length);
      back.forEach((slope, at) => {
        if (slope) out.set(row.backward(entering[at]!, slope), at * width);
      });
    });
    return out;
  }

  private rowsOf(stream: Float32Array): readonly Float64Array[] {
    const width = this.model.spec.hiddenSize;
    return Array.from({ length: stream.length / width }, (_, at) =>
      Float64Array.from(stream.subarray(at * width, (at + 1) * width)),
    );
  }

  private labelHead(): LabelHead {
    const { labels } = this.model.spec.head;
    if (!labels) throw new RangeError('the model gives no labels');
    return labels;
  }

  private pooling(): EmbeddingHead {
    const { embedding } = this.model;
    if (!embedding) throw new RangeError('the model gives no embeddings');
    return embedding;
  }

  private steps() {
    return (this.made ??= this.read());
  }

  private async read() {
    const { spec, weights, weightsFolder: folder, embedding } = this.model;
    const { norm, project, labels } = spec.head;
    const row: Step[] = [];
    if (norm) row.push(normStep(await normWeights(norm, weights, folder)));
    if (project) row.push(mapStep(await mapWeights(project, weights, folder)));
    const head: Step[] = [];
    for (const { linear, activation, norm: own } of labels?.maps ?? []) {
      head.push(mapStep(await mapWeights(linear, weights, folder)));
      if (activation) head.push(activationStep(activation));
      if (own) head.push(normStep(await normWeights(own, weights, folder)));
    }
    const behind: Step[] = [];
    for (const one of embedding?.modules ?? []) behind.push(...(await moduleSteps(one)));
    return { row: inTurn(row), head: inTurn(head), behind: inTurn(behind) };
  }
}

async function moduleSteps(one: EmbeddingModule): Promise<readonly Step[]> {
  if (one.kind === 'normalised') return [unitStep];
  const { weight, bias, inputs, outputs, folder, activation } = one;
  const tensors = new Map([['weight', weight], ...(bias ? [['bias', bias] as const] : [])]);
  const linear = { weight: 'weight', bias: bias && 'bias', inputs, outputs, stored: 'outputs-inputs' } as const;
  const map = await mapWeights(linear, { find: (name) => tensors.get(name) }, folder);
  return [mapStep(map), activationStep(activation)];
}

/** The row that a head of texts reads, or all. */
function readRows({ of, reads }: LabelHead, rows: readonly Float64Array[]): readonly Float64Array[] {
  if (of !== 'text') return rows;
  if (reads === 'mean') return [pooled(rows, ['mean'])];
  const row = rows.at(reads === 'first' ? 0 : -1);
  return row ? [row] : [];
}

/** By row; undefined where there is none. */
function labelSlopes(
  head: LabelHead,
  step: Step,
  rows: readonly Float64Array[],
  terms: Extract<ReadoutTarget, { kind: 'labels' }>['terms'],
): readonly (Float64Array | undefined)[] {
  const read = readRows(head, rows);
  const weights = read.map(() => new Float64Array(head.names.length));
  for (const { row, label, weight } of terms) weights[head.of === 'text' ? 0 : row]![label]! += weight;
  const back = read.map((row, at) => (weights[at]?.some((x) => x !== 0) ? step.backward(row, weights[at]) : undefined));
  if (head.of !== 'text') return back;
  const [slope] = back;
  if (!slope) return [];
  if (head.reads === 'mean') return pooledSlopes(rows, ['mean'], slope);
  const at = head.reads === 'first' ? 0 : rows.length - 1;
  return rows.map((_, row) => (row === at ? slope : undefined));
}

function similaritySlopes(
  { modes }: EmbeddingHead,
  behind: Step,
  rows: readonly Float64Array[],
  other: Float64Array,
): readonly Float64Array[] {
  const vector = pooled(rows, modes);
  const embedding = behind.forward(vector);
  const unit = unitStep.forward(other);
  return pooledSlopes(rows, modes, behind.backward(vector, unitStep.backward(embedding, unit)));
}
