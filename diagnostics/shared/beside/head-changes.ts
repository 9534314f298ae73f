/** How far the heads of a layer are from those of a model beside it, on the same texts. */
import type { ModelRunner } from '../../model-runner/model-runner';
import type { RunRequest } from '../../model-runner/run-request';
import type { Attending } from '../../model-runner/weights';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { Difference, mapDistance } from './differences';

export interface HeadChanges {
  /** By head: Jensen-Shannon distance of the attention of a token, mean over all tokens. */
  readonly maps: readonly number[];
  /** By head: relative change of its output over all tokens. */
  readonly outputs: readonly number[];
}

export type TextRequest = Omit<RunRequest, 'logits'>;

/** A text as each of the two models reads it: they are the same but for the stream of a source, which each encodes by itself. */
export interface TextPair {
  readonly own: TextRequest;
  readonly beside: TextRequest;
}

/** Empty for a layer without such heads. */
export async function headChanges(
  model: ModelRunner,
  beside: ModelRunner,
  texts: readonly TextPair[],
  layer: number,
  of: Attending = 'self',
): Promise<HeadChanges> {
  const block = model.facts.blocks[layer];
  const { heads = 0 } = (of === 'cross' ? block?.cross : block) ?? {};
  if (heads === 0) return { maps: [], outputs: [] };
  const distances = new Array<number>(heads).fill(0);
  const outputs = Array.from({ length: heads }, () => new Difference());
  let rows = 0;
  for (const text of texts) {
    const wanted = Array.from({ length: heads }, (_, head) => ({ layer, head }));
    const [own, other] = [await headsOf(model, text.own, wanted, of), await headsOf(beside, text.beside, wanted, of)];
    const count = text.own.ids.length;
    const size = own.outputs.length / heads;
    const none = new Float32Array(0);
    for (let head = 0; head < heads; head++) {
      distances[head]! += count * mapDistance(own.maps.get(head) ?? none, other.maps.get(head) ?? none, count);
      outputs[head]?.add(own.outputs, other.outputs, head * size, (head + 1) * size);
    }
    rows += count;
  }
  return { maps: distances.map((sum) => sum / rows), outputs: outputs.map(({ relative }) => relative) };
}

async function headsOf(model: ModelRunner, request: TextRequest, wanted: readonly HeadPlace[], of: Attending) {
  const [{ layer } = { layer: 0 }] = wanted;
  const tap = of === 'cross' ? 'cross.head_output' : 'attention.head_output';
  const { layers } = await model.run({
    ...request,
    [of === 'cross' ? 'crossMaps' : 'maps']: wanted,
    taps: [{ layer, tap }],
    depth: layer + 1,
    logits: 'none',
  });
  const { [layer]: found } = layers;
  const maps = of === 'cross' ? found?.cross?.maps : found?.maps;
  const outputs = found?.taps[tap]?.data;
  if (!maps || !(outputs instanceof Float32Array)) throw new RangeError(`the run gave no heads of layer ${layer}`);
  return { maps, outputs };
}
