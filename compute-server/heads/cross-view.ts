/** The heads of cross-attention of one layer on the screen: the map of the head that is looked at is kept, as every row reads the whole source. */
import type { Variant } from '../../models/instrument/changes/changes';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import type { HeadTile } from '../../protocol/results/heads';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { runPrompt } from '../model/run/stream/model-run';
import { pooledTile } from './tile';

interface Looked {
  readonly head: number;
  /** [rows of the target, rows of the source] */
  readonly map: Float32Array;
  /** Outputs of all heads before the output projection, [h, n, d]. */
  readonly outputs: Float32Array;
}

export class CrossView {
  private looked: Looked | undefined;

  constructor(
    private readonly model: LoadedModel,
    private readonly sequence: Sequence,
    private readonly variant: Variant,
    private readonly layer: number,
    private readonly chunk: number,
    private readonly signal?: AbortSignal,
  ) {}

  private get columns(): number {
    return this.sequence.source?.ids.length ?? 0;
  }

  async rows(head: number, start: number, count: number): Promise<Float32Array> {
    const { map } = await this.look(head);
    return map.slice(start * this.columns, (start + count) * this.columns);
  }

  /** [n, d] */
  async outputs(head: number): Promise<Float32Array> {
    const { outputs } = await this.look(head);
    const heads = this.model.spec.blocks[this.layer]?.cross?.attention.heads ?? 1;
    const each = outputs.length / heads;
    return outputs.slice(head * each, (head + 1) * each);
  }

  tile(request: Omit<HeadTile, 'data' | 'layer'>, signal?: AbortSignal): Promise<HeadTile> {
    const { columns, layer } = this;
    const rows = this.sequence.ids.length;
    return pooledTile(
      request,
      { rows, columns, layer, read: (start, count) => this.rows(request.head, start, count) },
      signal,
    );
  }

  private async look(head: number): Promise<Looked> {
    if (this.looked?.head === head) return this.looked;
    const { model, layer, variant, chunk, signal } = this;
    const { layers } = await runPrompt(
      { ...model.spec, blocks: model.spec.blocks.slice(0, layer + 1) },
      model.sessions,
      {
        ...this.sequence,
        variants: [variant],
        chunk,
        logits: 'none',
        crossMaps: [{ layer, head }],
        taps: [{ layer, tap: 'cross.head_output' }],
      },
      { signal },
    );
    const own = layers.at(-1);
    const map = own?.cross?.maps.get(head);
    const outputs = own?.taps['cross.head_output']?.data;
    if (!map || !(outputs instanceof Float32Array)) throw new RangeError(`layer ${layer} has no cross-attention`);
    this.looked = { head, map, outputs };
    return this.looked;
  }
}
