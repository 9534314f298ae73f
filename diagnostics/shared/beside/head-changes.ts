/** How far the heads of a layer are from those of a model beside it, on the same texts. */
import type { ModelRunner } from '../../model-runner/model-runner';
import type { RunRequest } from '../../model-runner/run-request';
import { Difference, mapDistance } from './differences';

export interface HeadChanges {
  /** By head: Jensen-Shannon distance of the attention of a token, mean over all tokens. */
  readonly maps: readonly number[];
  /** By head: relative change of its output over all tokens. */
  readonly outputs: readonly number[];
}

export type TextRequest = Omit<RunRequest, 'logits'>;

/** Empty for a layer without heads. */
export async function headChanges(
  model: ModelRunner,
  beside: ModelRunner,
  texts: readonly TextRequest[],
  layer: number,
): Promise<HeadChanges> {
  const { heads = 0 } = model.facts.blocks[layer] ?? {};
  if (heads === 0) return { maps: [], outputs: [] };
  const distances = new Array<number>(heads).fill(0);
  const outputs = Array.from({ length: heads }, () => new Difference());
  let rows = 0;
  for (const text of texts) {
    const [own, other] = [await headsOf(model, text, layer, heads), await headsOf(beside, text, layer, heads)];
    const count = text.ids.length;
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

async function headsOf(model: ModelRunner, request: TextRequest, layer: number, heads: number) {
  const { layers } = await model.run({
    ...request,
    maps: Array.from({ length: heads }, (_, head) => ({ layer, head })),
    taps: [{ layer, tap: 'attention.head_output' }],
    depth: layer + 1,
    logits: 'none',
  });
  const { maps, taps } = layers[layer] ?? {};
  const outputs = taps?.['attention.head_output']?.data;
  if (!maps || !(outputs instanceof Float32Array)) throw new RangeError(`the run gave no heads of layer ${layer}`);
  return { maps, outputs };
}
